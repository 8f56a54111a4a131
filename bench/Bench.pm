# What the benchmarks share: sessions, medians of runs in turns, and the report.
package Bench;

use strict;
use warnings;

use DBI;
use Exporter 'import';
use IO::Handle;
use List::Util qw(max min);
use Time::HiRes;

our @EXPORT = qw($quick $output connect_to median spread ratios say_it heading in_turns throughput finish_report);

STDOUT->autoflush;

our $quick = "@ARGV" eq '--quick';
our $output = $ENV{BENCH_OUTPUT} or die 'BENCH_OUTPUT is not set';

my @report;
my @sessions;

# Prints a line, which the report then has too.
sub say_it { push @report, $_[0]; print "$_[0]\n"; return }

sub connect_to
{
	my ($database) = @_;
	my $session = DBI->connect("dbi:Pg:dbname=$database", '', '',
		{ RaiseError => 1, PrintError => 0, AutoCommit => 1, pg_server_prepare => 1 });
	push @sessions, $session;
	return $session;
}

sub median
{
	my @sorted = sort { $a <=> $b } @_;
	return @sorted % 2 ? $sorted[$#sorted / 2] : ($sorted[@sorted / 2 - 1] + $sorted[@sorted / 2]) / 2;
}

# A median with the least and the greatest.
sub spread
{
	my ($values, $digits) = @_;
	return join '', map { sprintf $_->[0] =~ s/N/$digits \/\/ 1/er, $_->[1] }
	  [ '%.Nf', median(@$values) ], [ ' (%.Nf', min(@$values) ], [ '–%.Nf)', max(@$values) ];
}

# Ratios of two contenders, round by round: the machine was as fast for both.
sub ratios
{
	my ($of, $to) = @_;
	return [ map { $of->[$_] / $to->[$_] } 0 .. $#$of ];
}

sub heading
{
	my ($title, @columns) = @_;
	say_it("\n### $title\n");
	say_it('| ' . join(' | ', @columns) . ' |');
	say_it('| ' . join(' | ', '---', '---', ('---:') x (@columns - 2)) . ' |');
	return;
}

# Runs contenders in turns, so many rounds after one that warms the caches, and
# returns what each run returned, by contender.
sub in_turns
{
	my ($rounds, $run, @names) = @_;
	my %runs;

	for my $round (0 .. $rounds)
	{
		push @names, shift @names;
		for my $name (@names)
		{
			my $result = $run->($name);
			push @{ $runs{$name} }, $result if $round > 0;
		}
	}
	return \%runs;
}

# Runs clients at once, each in a process of its own: a function makes of the
# number of a client its work, and work returns how much it did.  Returns how
# much all did in a second.
sub throughput
{
	my ($clients, $make_work) = @_;
	my @children;

	for my $client (0 .. $clients - 1)
	{
		pipe(my $from_child, my $to_parent) or die $!;
		pipe(my $from_parent, my $to_child) or die $!;
		my $pid = fork // die $!;
		if ($pid == 0)
		{
			$_->{InactiveDestroy} = 1 for grep { defined } @sessions;
			my $work = $make_work->($client);
			syswrite $to_parent, 'r';
			sysread $from_parent, my $go, 1;
			my $start = Time::HiRes::time();
			my $done = $work->();
			syswrite $to_parent, sprintf "%.6f %.6f %d\n", $start, Time::HiRes::time(), $done;
			require POSIX;
			POSIX::_exit(0);
		}
		sysread $from_child, my $ready, 1;
		push @children, { pid => $pid, from => $from_child, to => $to_child };
	}
	syswrite $_->{to}, 'g' for @children;
	my @results = map { my $from = $_->{from}; [ split ' ', scalar <$from> ] } @children;
	waitpid $_->{pid}, 0 for @children;
	my $done = 0;
	$done += $_->[2] for @results;
	return $done / (max(map { $_->[1] } @results) - min(map { $_->[0] } @results));
}

# Adds the report to the file of all benchmarks.
sub finish_report
{
	open my $markdown, '>>', "$output/results.md" or die $!;
	print $markdown "$_\n" for @report;
	close $markdown or die $!;
	return;
}

1;
