# What a shell script does: pipelines, functions, traps, here-documents, arrays, arithmetic, subshells, job
# control, and the usual tools. Usage: bash tour.bash DIRECTORY, which it makes and removes
set -u -o pipefail
mkdir -p "$1" && cd "$1" || exit 1
# A child that a signal ends before it has become its program runs this, too.
leave() {
    local status=$?
    [[ $BASHPID == $$ ]] || return
    echo "leaving with $status"
    cd /
    rm -rf "$1"
}
trap 'leave "$1"' EXIT

section() { printf '== %s ==\n' "$*"; }

section pipelines
seq 1000 | grep 7 | sort -rn | head -3
false | true; echo "pipefail $?"
seq 5 | tee copy | awk '{ sum += $1 } END { print "sum", sum }'
cat copy | tr '\n' ' ' | sed 's/ $/\n/'
printf '%s\n' b a c a b a | sort | uniq -c | sort -k1,1nr -k2 | awk '{ print $2, $1 }'
for i in 1 2 3; do echo "line $i"; done | while read -r word rest; do echo "<$word|$rest>"; done

section subshells
value=outer
(value=inner; echo "$value"); echo "$value"
(exit 5); echo "status $?"
echo "$(echo nested "$(echo deeper "$(echo deepest)")")"
diff <(seq 3) <(seq 2 4); echo "differ $?"
{ echo out; echo err >&2; } 2>&1 | sort
coproc UPPER { while read -r line; do echo "${line^^}"; done; }
upper=$UPPER_PID  # gone with it
echo "to the coprocess" >&"${UPPER[1]}"; read -r answer <&"${UPPER[0]}"; echo "$answer"
exec {UPPER[1]}>&-
wait "$upper" 2>/dev/null; echo "coprocess $?"

section jobs
pids=()
for i in 1 2 3 4; do (sleep "0.0$i"; exit "$i") & pids+=($!); done
for pid in "${pids[@]}"; do wait "$pid"; echo "waited $?"; done
sleep 60 & kill -TERM $!; wait $! 2>/dev/null; echo "terminated $?"
timeout 0.1 sleep 60; echo "timeout $?"

section traps
trap 'echo "caught USR1"' USR1
kill -USR1 $$; echo after
(trap 'echo "bye from a subshell"' EXIT; exit 3); echo "subshell $?"
bash -c 'trap "echo child caught; exit 7" TERM; kill -TERM $$; echo never'; echo "child $?"
trap '' PIPE; trap - PIPE
bash -c 'trap "echo error at line \$LINENO" ERR; false; echo on'

section files
for i in 3 1 2; do echo "content $i" >"file-$i.txt"; done
cat file-*.txt | sort -r
mkdir -p a/b/c; touch a/b/c/leaf; (cd a/b && ls -R .)
mv file-3.txt a/ && ls a; basename "$PWD/x.tar.gz" .gz
exec 7>log; echo "to seven" >&7; exec 7>&-; cut -d' ' -f2 log
xargs -n 2 echo <<<"1 2 3 4 5"
cat <<END | wc -l
first $value
second
END
temporary=$(mktemp ./XXXXXX) && [[ -s $temporary ]] || echo "an empty file"
rm "$temporary"; ls | wc -l

section computing
declare -A count=()
while read -r word; do count[$word]=$((${count[$word]-0} + 1)); done < <(for i in {1..300}; do echo "word$((i * i % 7))"; done)
for key in "${!count[@]}"; do echo "$key ${count[$key]}"; done | sort
collatz() { local n=$1 steps=0; while ((n != 1)); do ((n = n % 2 ? 3 * n + 1 : n / 2, steps++)); done; echo "$steps"; }
for n in 6 7 27; do collatz "$n"; done | sort -n | tail -1

section functions
factorial() {
    local -i n=$1
    ((n <= 1)) && { echo 1; return; }
    echo $((n * $(factorial $((n - 1)))))
}
echo "factorial $(factorial 8)"
swap() {
    local -n left=$1 right=$2
    local kept=$left
    left=$right
    right=$kept
}
one=first two=second
swap one two
echo "$one $two"
status_of() { "$@"; echo "$* gave $?"; }
status_of true
status_of false
status_of test -d .
fails() { return 42; }
fails || echo "failed with $?"
variadic() {
    echo "$# arguments"
    while (($#)); do
        printf '[%s]' "$1"
        shift
    done
    echo
}
variadic a "b c" '' '*'
options() {
    local OPTIND=1 name
    while getopts 'ab:c' name; do
        case $name in
            a | c) echo "flag $name" ;;
            b) echo "b is $OPTARG" ;;
            *) echo "unknown" ;;
        esac
    done
    shift $((OPTIND - 1))
    echo "rest: $*"
}
options -a -b value -c the rest
depth() { echo "${FUNCNAME[0]} called by ${FUNCNAME[1]}"; }
caller_of_depth() { depth; }
caller_of_depth

section arrays
numbers=(5 3 9 1)
numbers+=(7)
numbers[8]=2
echo "${#numbers[@]} of them at ${!numbers[*]}"
echo "slice ${numbers[*]:1:2}, last ${numbers[-1]}"
unset 'numbers[8]'
sorted=($(printf '%s\n' "${numbers[@]}" | sort -n))
echo "sorted ${sorted[*]}"
bubble() {
    local -a list=("$@")
    local -i i j swapped
    for ((i = ${#list[@]} - 1; i > 0; i--)); do
        for ((j = 0; j < i; j++)); do
            if ((list[j] > list[j + 1])); then
                swapped=${list[j]}
                list[j]=${list[j + 1]}
                list[j + 1]=$swapped
            fi
        done
    done
    echo "${list[*]}"
}
bubble 9 -2 7 7 0 31 4
declare -A capital=([France]=Paris [Japan]=Tokyo [Peru]=Lima)
capital[Kenya]=Nairobi
unset 'capital[Japan]'
for country in France Japan Kenya; do
    echo "$country: ${capital[$country]-none}"
done
mapfile -t lines < <(seq 10 12)
printf '<%s>' "${lines[@]/#/n}"
echo
IFS=: read -ra fields <<<"a:b::d"
echo "${#fields[@]} fields, third is '${fields[2]}'"

section arithmetic
echo $((7 / 2)) $((-7 / 2)) $((-7 % 3)) $((2 ** 40)) $((0xff)) $((8#755)) $((2#1011))
echo $((1 << 62)) $(((1 << 63) - 1)) $((5 > 3 ? 10 : 20)) $((~5 & 0xf)) $((6 ^ 3))
let 'x = 5, x *= 3' && echo "x is $x"
((x++ , x -= 1))
echo "x is $x, and then $((x += 4))"
echo $((1 / 0)) 2>/dev/null
echo "division: $?"
sieve() {
    local -i limit=$1 i j
    local -a composite=()
    for ((i = 2; i <= limit; i++)); do
        [[ -n ${composite[i]-} ]] && continue
        printf '%d ' "$i"
        for ((j = i * i; j <= limit; j += i)); do composite[j]=1; done
    done
    echo
}
sieve 60
gcd() { local a=$1 b=$2 rest; while ((b)); do ((rest = a % b, a = b, b = rest)); done; echo "$a"; }
gcd 1071 462
until ((x > 100)); do ((x *= 2)); done
echo "doubled to $x"

section strings
path=/usr/local/lib/archive.tar.gz
echo "${path##*/} ${path%/*} ${path%%.*} ${path#*.} ${#path}"
echo "${path/local/share} ${path//\//:} ${path:5:5} ${path: -6}"
name=enclave
echo "${name^} ${name^^} ${name/e/3} ${unset_name:-default} ${name:+set}"
printf '%5d|%-5s|%05.1f|%x|%q|%b\n' 42 ab 3.14159 255 'a b' 'tab\there'
printf -v padded '%-8s|' right
echo "$padded"
[[ 2026-11-25 =~ ^([0-9]+)-([0-9]+)-([0-9]+)$ ]] && echo "year ${BASH_REMATCH[1]}, day ${BASH_REMATCH[3]}"
[[ $path == *.tar.* && ! $path < /a ]] && echo "patterns hold"
case $path in
    *.zip) echo zip ;;
    *.tar.gz) echo tarball ;;&
    /usr/*) echo "below /usr" ;;
esac
echo {a,b}{1..3} {10..0..5} {x..z}
shopt -s extglob nullglob
touch one.c two.c three.h
echo *.c *.nothing !(*.c|*.h|*[0-9]*)

section here-documents
who="the reader"
cat <<-PAGE
	Dear $who,
	2 + 2 is $((2 + 2)), and today nobody says \$HOME.
	$(seq -s, 3)
	PAGE
cat <<'RAW'
nothing $expands `here` $((1 + 1))
RAW
cat <<ONE; cat <<TWO
from one
ONE
from two
TWO
while IFS== read -r key text; do
    echo "$key has $text"
done <<PAIRS
color=deep blue
size=12
PAIRS
tr a-z A-Z <<<"a here-string"

section traps and ends
(
    trap 'echo "leaves at depth $depth"' EXIT
    depth=2
    false || exit 9
)
echo "left with $?"
count=0
trap '((++count))' USR2
for i in 1 2 3; do kill -USR2 $BASHPID; done
trap - USR2
echo "counted $count"
(set -e; false; echo never); echo "set -e gave $?"
(set -u; echo "$nowhere") 2>/dev/null; echo "set -u gave $?"
debugged() { trap 'echo "before: $BASH_COMMAND"' DEBUG; : one; : two; trap - DEBUG; }
(set -T; debugged)
bash -c 'trap "" INT; kill -INT $$; echo deaf'
bash -c 'kill -SEGV $$' 2>/dev/null; echo "fault $?"
bash -c 'trap "echo hup" HUP; (kill -HUP $$); wait; echo on'

section job control
set -m
sleep 100 &
sleeper=$!
jobs | sed 's/  */ /g'
kill -STOP %1
until [[ $(jobs -s | wc -l) == 1 ]]; do sleep 0.05; done
jobs -s | sed 's/  */ /g'
bg %1 >/dev/null
until [[ $(jobs -r | wc -l) == 1 ]]; do sleep 0.05; done
echo "running again"
kill -TERM %1
wait "$sleeper" 2>/dev/null
echo "ended with $?"
(echo "in the background"; exit 6) &
wait $!
echo "its status $?"
sum=0 started=()
for i in 1 2 3; do
    (exit "$((i * 10))") &
    started+=($!)
done
for job in "${started[@]}"; do
    wait "$job"
    ((sum += $?))
done
echo "sum of statuses $sum"
(sleep 0.2; exit 11) &
fg %+ >/dev/null
echo "foreground gave $?"
(kill -STOP $BASHPID; exit 12) &
until [[ $(jobs -s | wc -l) == 1 ]]; do sleep 0.05; done
fg >/dev/null
echo "continued, it gave $?"
seq 3 | (read -r first; echo "first of a pipeline $first") &
wait
disown -a
set +m
echo "jobs left: $(jobs | wc -l)"
exit 4
