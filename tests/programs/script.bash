# A real script for bash, within what needs neither fork nor another program.
# Usage: bash script.bash WORD... ; run in an empty directory.
set -u
shopt -s extglob nullglob

section() { printf '== %s ==\n' "$1"; }

section arguments
printf 'count %d\n' $#
for word; do printf '<%s>' "$word"; done
echo
shift; echo "after shift: $*"
set -- one 'two three' four
printf '%s|' "$@"; echo

section arithmetic
(( a = 7, b = 3 ))
echo $((a + b)) $((a ** b)) $((a % b)) $((a << 4 | b)) $((0x1f)) $((2#1011)) $((-a / b)) $((a > b ? 1 : 2))
fibonacci() { local -i n=$1 x=0 y=1 i; for ((i = 0; i < n; i++)); do (( y += x, x = y - x )); done; REPLY=$x; }
fibonacci 80; echo "fibonacci $REPLY"
sieve() {
    local -a composite; local -i i j count=0 limit=$1
    for ((i = 2; i <= limit; i++)); do
        [[ ${composite[i]:-} ]] && continue
        (( count++ ))
        for ((j = i * i; j <= limit; j += i)); do composite[j]=1; done
    done
    REPLY=$count
}
sieve 5000; echo "primes below 5000: $REPLY"

section strings
text='The Quick brown fox'
echo "${#text} ${text:4:5} ${text: -3} ${text/quick/slow} ${text//o/0} ${text^^} ${text,,} ${text#* } ${text##* } ${text%% *}"
echo "${unset_name:-default} ${text:+set} ${text@Q}"
path=/a/b/c.tar.gz; echo "${path##*/} ${path%/*} ${path##*.} ${path%%.*}"
printf '%05d %x %o %e %q %b\n' 42 255 8 1234.5 "it's" 'tab\tend'
printf -v padded '%-10s|%10s' left right; echo "$padded"
printf '%(%Y-%m-%d)T\n' 86400
echo $'escapes \x41 \u00e9 \t.'

section arrays
list=(pear apple fig)
list+=(banana)
list[10]=far
echo "${#list[@]} ${!list[@]} ${list[@]:1:2} ${list[-1]}"
unset 'list[0]'; echo "${list[*]}"
declare -A color=([sky]=blue [grass]=green [sun]=yellow)
color[sea]=deep
for key in grass sea sky sun; do echo "$key -> ${color[$key]}"; done
echo "${#color[@]}"; [[ -v color[sky] ]] && echo "has sky"
bubble() {
    local -n array=$1; local i j t n=${#array[@]}
    for ((i = 0; i < n; i++)); do for ((j = 0; j < n - 1 - i; j++)); do
        if [[ ${array[j]} > ${array[j+1]} ]]; then t=${array[j]}; array[j]=${array[j+1]}; array[j+1]=$t; fi
    done; done
}
words=(delta alpha echo charlie bravo); bubble words; echo "${words[@]}"
mapfile -t lines <<< $'first\nsecond\nthird'; echo "${#lines[@]} ${lines[1]}"

section matching
if [[ 2024-05-17T10:20 =~ ^([0-9]+)-([0-9]+)-([0-9]+)T ]]; then echo "${BASH_REMATCH[@]:1}"; fi
for value in apple 42 -7 3.5 '' Zed; do
    case $value in
        ?(-)+([0-9])) kind=integer;;
        ?(-)+([0-9]).+([0-9])) kind=decimal;;
        [[:lower:]]*) kind=lower;;
        '') kind=empty;;
        *) kind=other;;
    esac
    echo "[$value] $kind"
done

section control
i=0; while :; do (( ++i > 5 )) && break; (( i == 3 )) && continue; printf '%d ' "$i"; done; echo
until (( i <= 0 )); do (( i -= 2 )); done; echo "$i"
recurse() { (( $1 == 0 )) && { echo "bottom ${#FUNCNAME[@]}"; return 7; }; recurse $(( $1 - 1 )); }
recurse 20; echo "returned $?"
! false && echo "negation"; false || echo "alternative"
{ echo grouped; } ; eval 'evaluated=yes'; echo "$evaluated"
outer() { local scoped=inner; inner; }; inner() { echo "dynamic ${scoped:-none}"; }; outer; inner

section files
for n in 3 1 2; do echo "content $n" > "file-$n.txt"; done
echo appended >> file-1.txt
echo *.txt
while IFS= read -r line; do echo "read: $line"; done < file-1.txt
exec 5> numbered; for n in {1..300}; do echo "$n $((n * n))" >&5; done; exec 5>&-
sum=0; while read -r n square; do (( sum += square )); done < numbered; echo "sum $sum"
read -r -N 5 start < numbered; printf '%q\n' "$start"
while IFS=: read -r name value rest; do echo "$value/$name/$rest"; done <<'END'
one:1:a:b
two:2:c
END
[[ -f file-1.txt && ! -e absent && -s numbered && -d . && file-1.txt -ef ./file-1.txt ]] ; echo "tests $?"
cat_file() { local line; while IFS= read -r line || [[ $line ]]; do printf '%s\n' "$line"; done < "$1"; }
cat_file file-2.txt
mkdir_missing=no; [[ -d subdirectory ]] || mkdir_missing=yes; echo "$mkdir_missing"
cd / && echo "$PWD" && cd - > /dev/null
pushd / > /dev/null && echo "${DIRSTACK[0]}" && popd > /dev/null
umask 027; umask

section input
while IFS=, read -r -a fields; do echo "${#fields[@]}: ${fields[*]}"; done

section end
trap 'echo "leaving with $?"' EXIT
declare -i total=0; for n in {1..2000}; do total+=n; done; echo "$total"
(( SECONDS < 600 )) && echo "quick"
exit 23
