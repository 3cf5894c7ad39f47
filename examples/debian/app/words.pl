# The words of a file by how often they occur. Usage: perl words.pl FILE
use strict;
use warnings;
use List::Util qw(sum);
use POSIX qw(floor);

my %count;
open(my $file, '<', $ARGV[0]) or die "$ARGV[0]: $!";
while (my $line = <$file>) {
    $count{lc $1}++ while $line =~ /(\w+)/g;
}
close $file;
my @words = sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count;
printf "%-12s %6d\n", $_, $count{$_} for @words[0 .. 9];
my $total = sum values %count;
print "$total words, ", scalar @words, " different, ", floor($total / @words), " times each\n";
my $child = open(my $out, '-|') // die "fork: $!";
if ($child == 0) { print "a child counts ", scalar(grep { length > 4 } @words), "\n"; exit 3 }
print <$out>;
close $out;
exit $? >> 8;
