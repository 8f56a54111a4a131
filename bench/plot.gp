# Draws the results of bench.pl: microseconds a lead, a group of bars a case.
set terminal svg size 1000, 480 font 'sans-serif,13' background '#ffffff'
set output output
set datafile separator "\t"
set datafile missing '?'
set style data histograms
set style histogram clustered gap 1.5
set style fill solid 0.9 border -1
set boxwidth 0.9
set title 'Enrolling leads, 1,000 a call: less is faster'
set ylabel 'microseconds a lead'
set yrange [0:]
set grid ytics
set key outside top center horizontal autotitle columnhead
plot for [column = 2:7] input using column:xtic(1)
