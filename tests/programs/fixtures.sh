# Fills the current, empty directory with the files that
# busybox_applets.tsv works on. Everything, times included, is fixed.
set -eu
umask 022
printf 'pear 3\napple 10\nfig 2\napple 7\nBanana 5\n' > fruit
printf 'one\ntwo\nthree\nfour\nfive\n' > a
printf 'one\n2\nthree\nfour\nfive\nsix\n' > b
printf 'a:1:x\nb:2:y\nc:3:z\n' > colons
printf '\tindented\n    spaces\tand tab\n' > tabs
printf 'dos\r\nlines\r\n' > dos
printf 'The quick brown fox jumps over the lazy dog. Pack my box with five dozen liquor jugs. ' > prose
printf 'How vexingly quick daft zebras jump!\n' >> prose
i=0
while [ $i -lt 2000 ]; do echo "record $i $((i * 7919 % 1009)) $((i * i))"; i=$((i + 1)); done > records
i=0
while [ $i -lt 256 ]; do printf "\\$(printf %o $i)"; i=$((i + 1)); done > bytes
mkdir tree tree/sub tree/empty
echo leaf > tree/leaf
echo deep > tree/sub/deep
ln -s leaf tree/link
printf -- '--- a\n+++ b\n@@ -1,5 +1,6 @@\n one\n-two\n+2\n three\n four\n five\n+six\n' > change.patch
busybox gzip -c records > records.gz
busybox bzip2 -c records > records.bz2
printf '\375\067\172\130\132\000\000\004\346\326\264\106\002\000\041\001\026\000\000\000\164\057\345\243\001\000\017\170\172\040\143\157\155\160\162\145\163\163\145\144\040\041\012\000\234\070\202\137\344\141\223\207\000\001\050\020\345\013\154\140\037\266\363\175\001\000\000\000\000\004\131\132' > note.xz
find . -exec touch -h -d '2020-02-02 02:02:02' {} +
busybox tar -cf tree.tar tree
busybox base64 bytes > encoded
printf '%s\n' 'begin 644 decoded' '#0V%T' '`' end > cat.uu
printf 'scale=10; 22/7\nfor (i=1; i<5; i++) i^20\n' > calculation
printf 'fruit\na\ntree/leaf\n' > names
printf 'n=3\nuntil [ $n -eq 0 ]; do echo $n; n=$((n - 1)); done\nexit 9\n' > script
find . -exec touch -h -d '2020-02-02 02:02:02' {} +
