# A mail server and mailboxes of a test: scripts/mail-server, below a temporary folder.
package Mail;

use strict;
use warnings;

use Cwd;
use Exporter 'import';
use File::Basename;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(need_mail_server start_mail_server stop_mail_server mails wait_for_mails remove_mails
  $mail_folder $mail_password %mail_port);

our ($mail_folder, $mail_password, %mail_port);
my $root = dirname(dirname(dirname(Cwd::abs_path(__FILE__))));
my $process;

# Skips the test where scripts/test has not fetched the programs.
sub need_mail_server
{
	plan skip_all => 'LEADTERRA_MAIL names no folder with the programs of a mail server'
	  unless $ENV{LEADTERRA_MAIL} && -x "$ENV{LEADTERRA_MAIL}/usr/sbin/exim4";
	return;
}

# Starts it, in the folder that it had before, if any: then with new ports.
sub start_mail_server
{
	my $output = '';

	$mail_folder //= PostgreSQL::Test::Utils::tempdir_short;
	$process = IPC::Run::start([ "$root/scripts/mail-server", $mail_folder, $ENV{LEADTERRA_MAIL} ],
		'<pipe', \*MAIL_INPUT, '>', \$output, '2>', "$mail_folder/errors", IPC::Run::timeout(60));
	eval { $process->pump until $output =~ /ready/; 1 }
	  or BAIL_OUT('the mail server does not start: ' . slurp_file("$mail_folder/errors"));
	%mail_port = slurp_file("$mail_folder/ports") =~ /^(\w+)=(\d+)$/mg;
	$mail_password = slurp_file("$mail_folder/password");
	return;
}

# Its input ends, and so does it.
sub stop_mail_server
{
	close MAIL_INPUT;
	return IPC::Run::finish($process);
}

# By way of an array: where one value is wanted, glob goes from one name to the next.
sub mail_files
{
	my @files = glob "$mail_folder/mail/$_[0]/new/* $mail_folder/mail/$_[0]/cur/*";
	return @files;
}

# The mails of a user, as the mailbox has them.
sub mails { return map { slurp_file($_) } mail_files(@_) }

# Waits until a user has so many.
sub wait_for_mails
{
	my ($user, $count) = @_;
	my $end = time + $PostgreSQL::Test::Utils::timeout_default;

	while (mail_files($user) < $count && time < $end)
	{
		select undef, undef, undef, 0.05;
	}
	return mails($user);
}

sub remove_mails { return unlink mail_files(@_) }

END
{
	my $status = $?;
	eval { stop_mail_server() } if $process;
	$? = $status;
}

1;
