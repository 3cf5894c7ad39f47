// Dynamic programs, the distribution's own above all: as in a native run.
#include <gtest/gtest.h>

#include "tests/support/compare.hpp"
#include "tests/support/machines.hpp"

namespace enclavisor::tests {
namespace {

namespace fs = std::filesystem;

class DynamicPrograms : public testing::TestWithParam<host::Platform> {
protected:
    static void same(std::vector<std::string> arguments,
                     std::function<void(const fs::path&)> prepare = prepare_input) {
        Comparison comparison;
        comparison.arguments = std::move(arguments);
        comparison.prepare = std::move(prepare);
        comparison.timeout = std::chrono::seconds{300};
        expect_same(GetParam(), comparison);
    }
    static void prepare_input(const fs::path& directory) {
        std::string text;
        for (int i = 0; i < 4000; i++) text += "line " + std::to_string(i * i) + "\n";
        write_file(directory / "input", text);
    }
};
ENCLAVISOR_ON_ALL_PLATFORMS(DynamicPrograms);

TEST_P(DynamicPrograms, OurTour) {
    same({(programs_dir() / "dynamic_tour").string()});
}

TEST_P(DynamicPrograms, CoreutilsList) {
    same({"/bin/ls", "-l", "--time-style=+", "/usr/lib/x86_64-linux-gnu/perl-base"});
}

TEST_P(DynamicPrograms, BashGitAndGcc) {
    same({"/bin/bash", "-c",
          "declare -A a; while read -r l n; do a[$n]=$l; done <input; echo ${#a[@]} ${a[49]}; exit 6"});
    same({"/usr/bin/git", "init", "--quiet", "--template=", "repository"});
    same({"/usr/bin/gcc", "--version"});
}

TEST_P(DynamicPrograms, Lua) {
    same({"/usr/bin/lua5.4", "-e",
          "local t = {} for i = 1, 1000 do t[i] = i * i end print(#t, t[1000], math.pi, os.getenv('TOUR_A')) "
          "local f = assert(io.open('out', 'w')) for l in io.lines('input') do f:write(l:upper(), '\\n') end "
          "f:close() print(pcall(error, 'caught')) print(string.format('%q', 'a\\nb')) os.exit(3)"});
}

TEST_P(DynamicPrograms, Perl) {
    same(
        {"/usr/bin/perl", "-MPOSIX", "-MList::Util=sum", "-e",
         "my %h; open(my $f, '<', 'input') or die; while (<$f>) { $h{length $_}++ if /(\\d+)5$/ } "
         "print join(',', map {\"$_=$h{$_}\"} sort keys %h), \"\\n\", sum(1..100), ' ', floor(3.7), \"\\n\"; "
         "open(my $o, '>', 'out') or die; print $o scalar reverse 'abc'; close $o; "
         "warn 'to stderr'; exit 4"});
}

TEST_P(DynamicPrograms, Sqlite) {
    same({"/usr/bin/sqlite3", "database", "-cmd",
          "create table t(a integer primary key, b text); "
          "with recursive n(i) as (select 1 union all select i + 1 from n where i < 3000) "
          "insert into t select i, 'row ' || i from n;",
          "select count(*), sum(a), max(b) from t; pragma integrity_check; select sqlite_version();"});
}

TEST_P(DynamicPrograms, Xz) {
    same({"/usr/bin/xz", "-k", "-3", "input"});
    same({"/usr/bin/xz", "-dc", "packed.xz"}, [](const fs::path& directory) {
        prepare_input(directory);
        RunOptions options;
        options.directory = directory;
        options.inherit_environment = true;
        const auto packed = run({"/usr/bin/xz", "-9", "input"}, options);
        ASSERT_EQ(packed.status, 0) << packed.err;
        fs::rename(directory / "input.xz", directory / "packed.xz");
    });
}

TEST_P(DynamicPrograms, Openssl) {
    same({"/usr/bin/openssl", "version"});
    same({"/usr/bin/openssl", "dgst", "-sha256", "input"});
    same({"/usr/bin/openssl", "enc", "-aes-256-cbc", "-pbkdf2", "-nosalt", "-pass", "pass:x", "-in", "input",
          "-out", "secret"});
}

TEST_P(DynamicPrograms, Python) {
    same({"/usr/bin/python3", "-c",
          "import json, ssl, sqlite3, math, hashlib, re, os, threading, struct, zlib, decimal, ctypes\n"
          "print(json.dumps({'pi': math.pi, 'ssl': ssl.OPENSSL_VERSION, 'cwd': os.getcwd()}, "
          "sort_keys=True))\n"
          "db = sqlite3.connect(':memory:')\n"
          "db.execute('create table t(x)')\n"
          "db.executemany('insert into t values (?)', [(i,) for i in range(1000)])\n"
          "print(db.execute('select sum(x), count(*) from t').fetchone())\n"
          "text = open('input').read()\n"
          "print(hashlib.sha256(text.encode()).hexdigest(), zlib.crc32(text.encode()), len(re.findall('9', "
          "text)))\n"
          "results = []\n"
          "threads = [threading.Thread(target=lambda i=i: results.append(i * i)) for i in range(4)]\n"
          "[t.start() for t in threads]; [t.join() for t in threads]\n"
          "print(sorted(results), decimal.Decimal(1) / 7, struct.pack('>I', 7), "
          "ctypes.sizeof(ctypes.c_long))\n"
          "open('out', 'w').write(text[::-1])\n"
          "raise SystemExit(5)\n"});
}

// What the template never touched of its files, each instance reads by itself.
TEST_P(DynamicPrograms, PythonAsATemplate) {
    std::vector<std::string> command = in_enclave(
        GetParam(), {"/usr/bin/python3", "-c",
                     "import json\n"
                     "open('/dev/enclavisor/ready').read()\n"
                     "import decimal, sqlite3\n"
                     "db = sqlite3.connect(':memory:')\n"
                     "print(json.dumps(db.execute('select 6 * 7').fetchone()), decimal.Decimal(1) / 8)\n"});
    command.insert(command.begin() + 2, {"--instances", "3"});
    const auto result = run(command);
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_EQ(result.out, "[42] 0.125\n[42] 0.125\n[42] 0.125\n");
}

TEST_P(DynamicPrograms, WhatIsMissingIsTheInterpretersToSay) {
    const auto result = run(in_enclave(GetParam(), {(programs_dir() / "dynamic_orphan").string()}));
    EXPECT_EQ(result.status, 127);
    EXPECT_NE(result.err.find("libdynamic_gone.so: cannot open shared object file"), std::string::npos)
        << result.err;
}

}  // namespace
}  // namespace enclavisor::tests
