# Mails that the worker composes, read by another program: worker/test/compare_mail.py, with the
# parser that Python comes with.
use strict;
use warnings;

use Cwd;
use File::Basename;
use File::Temp;
use IPC::Run;
use Test::More;

my $worker = dirname(dirname(dirname(Cwd::abs_path(__FILE__)))) . '/worker';
my $folder = File::Temp->newdir;
my @packages = qw(gmime-3.0 libxml-2.0 libidn2);
my ($flags, $output, $errors);

plan skip_all => "the libraries of the worker are not there: @packages"
  unless IPC::Run::run([ 'pkg-config', '--cflags', '--libs', @packages ], '>', \$flags);

my @sources = map { glob("$worker/$_.c") }
  qw(html mail mail_* message mime return_path text test/compose);
my @compile = ($ENV{CC} // 'cc', '-std=gnu11', "-I$worker", '-o', "$folder/compose", @sources);
IPC::Run::run([ @compile, split(' ', $flags) ], '2>', \$errors)
  or BAIL_OUT($errors);

my $passed =
  IPC::Run::run([ 'python3', "$worker/test/compare_mail.py", "$folder/compose" ], '>', \$output);
for my $line (split /\n/, $output)
{
	if ($line =~ /^(not )?ok \d+ - (.*)/) { ok(!$1, $2) }
	elsif ($line =~ /^# (.*)/) { diag($1) }
}
ok($passed, 'all mails were read');
like($output, qr/^1\.\.\d{4}$/m, 'and all of them were composed');
done_testing();
