# A small repository: commits, a branch, a merge, a clone. Usage: sh git.sh DIRECTORY
set -e
export GIT_AUTHOR_DATE=2026-01-01T00:00:00Z GIT_COMMITTER_DATE=2026-01-01T00:00:00Z
export GIT_AUTHOR_NAME=author GIT_AUTHOR_EMAIL=author@example GIT_CONFIG_NOSYSTEM=1
export GIT_COMMITTER_NAME=committer GIT_COMMITTER_EMAIL=committer@example HOME="$1"
cd "$1"
git init -q -b main repository
cd repository
seq 100 >numbers
git add numbers
git commit -q -m "First numbers"
seq 2 101 >numbers
git diff --stat | cat
git commit -q -a -m "Other numbers"
git checkout -q -b side HEAD~1
echo side >other
git add other
git commit -q -m "A side"
git checkout -q main
git merge -q side -m "Both"
git log --graph --format="%h %s" | cat
git gc -q
git fsck --full 2>&1
cd ..
git clone -q repository clone
git -C clone log --format=%H%n%T | sort | sha256sum
rm -rf repository clone
