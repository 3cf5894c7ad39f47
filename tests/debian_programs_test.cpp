// examples/debian: each program through its manifest, and natively with the same arguments; what
// it prints and leaves behind, or what its clients see, is the same.
#include <gtest/gtest.h>
#include <toml++/toml.h>
#include <unistd.h>

#include <regex>
#include <thread>

#include "tests/support/compare.hpp"
#include "tests/support/machines.hpp"
#include "tests/support/server.hpp"
#include "tests/support/tcp.hpp"
#include "tests/support/temp_dir.hpp"

namespace enclavisor::tests {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

std::string replaced(std::string text, const std::string& what, const std::string& with) {
    for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size())
        text.replace(at, what.size(), with);
    return text;
}

class DebianPrograms : public testing::TestWithParam<host::Platform> {
protected:
    void prepare(const std::string& name, const Words& needed = {}) {
        name_ = name;
        for (const char* side : {"native", "enclave"}) {
            fs::copy(source_dir() / "examples/debian", temp_ / side, fs::copy_options::recursive);
            fs::create_directories(temp_ / side / "data/pages");
            std::string text;
            for (int i = 0; i < 20000; i++) text += "line " + std::to_string(i * i) + " of the input\n";
            write_file(temp_ / side / "data/input", text);
            write_file(temp_ / side / "data/pages/long.txt", text);
        }
        const toml::table manifest = toml::parse_file((temp_ / "native" / (name + ".toml")).string());
        native_ = {replaced(*manifest["loader"]["entrypoint"].value<std::string>(), "file:", "")};
        if (native_[0][0] != '/') native_[0] = temp_ / "native" / native_[0];
        const toml::array& argv = *manifest["loader"]["argv"].as_array();
        for (std::size_t i = 1; i < argv.size(); i++) {
            std::string word = *argv[i].value<std::string>();
            for (const char* folder : {"/tmp", "/app", "/data"})
                word = replaced(word, folder, (temp_ / "native").string() + folder);
            native_.push_back(word);
        }
        fs::create_directory(temp_ / "native/tmp");
        Words programs{needed};
        if (native_[0].find(temp_.path()) != 0) programs.push_back(native_[0]);
        for (const auto& program : programs)
            if (!fs::exists(program)) missing_ = program + " is not installed";
    }
    Words in_enclave_command() const {
        return in_enclave(GetParam(), {(temp_ / "enclave" / (name_ + ".toml")).string()});
    }
    // Makes data/hello, for both sides.
    void compile(const Words& command) {
        RunOptions options;
        options.directory = temp_ / "native";
        options.inherit_environment = true;
        options.timeout = std::chrono::seconds{300};
        const RunResult compiled = run(command, options);
        ASSERT_EQ(compiled.status, 0) << compiled.err;
        fs::copy_file(temp_ / "native/data/hello", temp_ / "enclave/data/hello");
    }
    // Runs the program to its end on both sides.
    void expect_same_run() {
        RunOptions options;
        options.directory = temp_ / "native";
        options.environment = {"PATH=/usr/bin:/bin", "HOME=/", "LC_ALL=C", "PYTHONDONTWRITEBYTECODE=1"};
        const RunResult native = run(native_, options);
        options.timeout = std::chrono::seconds{300};
        options.inherit_environment = true;
        const RunResult enclave = run(in_enclave_command(), options);
        EXPECT_EQ(enclave.status, native.status) << enclave.err << native.err;
        EXPECT_LT(native.status, 125) << native.err;
        EXPECT_FALSE(native.out.empty() && describe_tree(temp_ / "native/data").empty());
        EXPECT_EQ(enclave.out, replaced(native.out, (temp_ / "native").string() + "/", "/")) << enclave.err;
        EXPECT_EQ(describe_tree(temp_ / "enclave/data"), describe_tree(temp_ / "native/data"));
    }
    // What `client` sees of the server at its port; that of the manifest is replaced by a free one.
    template <typename Client>
    std::string serve(bool natively, const std::string& fixed_port, Client client) {
        const std::string port = free_port();
        const fs::path side = temp_ / (natively ? "native" : "enclave");
        for (const fs::path& file : {side / (name_ + ".toml"), side / "app" / (name_ + ".conf")})
            if (fs::exists(file)) write_file(file, replaced(read_file(file), fixed_port, port));
        Words command = natively ? native_ : in_enclave_command();
        for (auto& word : command) word = replaced(word, fixed_port, port);
        const fs::path log = side / "log";
        std::string seen;
        {
            Server server{command, log};
            if (server.listens(port)) {
                seen = client(port, server);
            } else {
                ADD_FAILURE() << "does not listen: " << read_file(log);
            }
        }
        if (testing::Test::HasFailure()) seen += "\nlog: " + read_file(log);
        for (const fs::path& file : {side / (name_ + ".toml"), side / "app" / (name_ + ".conf")})
            if (fs::exists(file)) write_file(file, replaced(read_file(file), port, fixed_port));
        return seen;
    }
    template <typename Client>
    void expect_same_service(const std::string& fixed_port, Client client) {
        const std::string native = serve(true, fixed_port, client);
        EXPECT_FALSE(native.empty());
        EXPECT_EQ(serve(false, fixed_port, client), native);
    }
    // What a client prints, with its status.
    static std::string ask(const Words& arguments) {
        RunOptions options;
        options.inherit_environment = true;
        const RunResult result = run(arguments, options);
        return result.out + "status " + std::to_string(result.status) + "\n";
    }

    TempDir temp_;
    std::string name_, missing_;
    Words native_;
};
ENCLAVISOR_ON_ALL_PLATFORMS(DebianPrograms);

#define ENCLAVISOR_PREPARE(...) \
    prepare(__VA_ARGS__);       \
    if (!missing_.empty()) GTEST_SKIP() << missing_

TEST_P(DebianPrograms, Sqlite) {
    ENCLAVISOR_PREPARE("sqlite");
    expect_same_run();
}

TEST_P(DebianPrograms, Xz) {
    ENCLAVISOR_PREPARE("xz");
    expect_same_run();
}

TEST_P(DebianPrograms, Perl) {
    ENCLAVISOR_PREPARE("perl");
    expect_same_run();
}

TEST_P(DebianPrograms, Openssl) {
    ENCLAVISOR_PREPARE("openssl");
    expect_same_run();
}

TEST_P(DebianPrograms, OpensslSpeed) {
    ENCLAVISOR_PREPARE("openssl-speed");
    RunOptions options;
    options.inherit_environment = true;
    options.timeout = std::chrono::seconds{300};
    const RunResult enclave = run(in_enclave_command(), options);
    EXPECT_EQ(enclave.status, 0) << enclave.err;
    const std::regex measured{"Doing sha256 for 1s on 1024 size blocks: [1-9][0-9]* sha256's in [0-9.]+s\n"};
    EXPECT_TRUE(std::regex_search(enclave.err, measured)) << enclave.err;
    EXPECT_TRUE(std::regex_search(enclave.out, std::regex{"\nsha256 +[1-9][0-9.]*k\n"})) << enclave.out;
}

TEST_P(DebianPrograms, Python) {
    ENCLAVISOR_PREPARE("python");
    expect_same_run();
}

TEST_P(DebianPrograms, Bash) {
    ENCLAVISOR_PREPARE("bash");
    expect_same_run();
}

TEST_P(DebianPrograms, Git) {
    ENCLAVISOR_PREPARE("git", {"/usr/bin/git"});
    expect_same_run();
}

TEST_P(DebianPrograms, Gcc) {
    ENCLAVISOR_PREPARE("gcc", {"/usr/bin/gcc"});
    expect_same_run();
}

TEST_P(DebianPrograms, Go) {
    ENCLAVISOR_PREPARE("go", {"/usr/bin/go"});
    compile({"/usr/bin/env", "CGO_ENABLED=0", "GOCACHE=" + (temp_ / "cache").string(), "/usr/bin/go", "build",
             "-o", "data/hello", "app/hello.go"});
    expect_same_run();
}

TEST_P(DebianPrograms, Rust) {
    ENCLAVISOR_PREPARE("rust", {"/usr/bin/rustc"});
    compile({"/usr/bin/rustc", "-O", "-C", "target-feature=+crt-static", "-o", "data/hello", "app/hello.rs"});
    expect_same_run();
}

TEST_P(DebianPrograms, Redis) {
    ENCLAVISOR_PREPARE("redis", {"/usr/bin/redis-cli", "/usr/bin/redis-benchmark"});
    const auto first = [](const std::string& port, Server& server) {
        const auto cli = [&](Words words) {
            words.insert(words.begin(), {"/usr/bin/redis-cli", "-p", port});
            return ask(words);
        };
        std::string seen;
        for (const Words& words : {Words{"set", "key", "value"}, Words{"rpush", "list", "a", "b", "c"},
                                   Words{"zadd", "scores", "2", "two", "1", "one"}, Words{"bgsave"}}) {
            seen += cli(words);
        }
        const RunResult benchmark = run(
            {"/usr/bin/redis-benchmark", "-p", port, "-n", "500", "-c", "5", "-q", "-t", "set,incr,lpush"});
        seen += "benchmark " + std::to_string(benchmark.status) + "\n";
        seen += cli({"get", "counter:__rand_int__"});
        std::string saving;
        for (int i = 0; i < 600 && saving.find("rdb_bgsave_in_progress:0") == std::string::npos; i++) {
            std::this_thread::sleep_for(std::chrono::milliseconds{100});
            saving = cli({"info", "persistence"});
        }
        seen += saving.find("rdb_last_bgsave_status:ok") != std::string::npos &&
                        saving.find("rdb_saves:1") != std::string::npos
                    ? "saved\n"
                    : saving;
        seen += cli({"set", "last", "only in the append-only file"});
        ask({"/usr/bin/redis-cli", "-p", port, "shutdown", "nosave"});
        return seen + (server.ended(std::chrono::seconds{30}) ? "ended\n" : "still there\n");
    };
    const auto second = [](const std::string& port, Server&) {
        std::string size = "LOADING";
        for (int i = 0; i < 600 && size.find("LOADING") == 0; i++) {
            size = ask({"/usr/bin/redis-cli", "-p", port, "dbsize"});
            std::this_thread::sleep_for(std::chrono::milliseconds{100});
        }
        size += ask({"/usr/bin/redis-cli", "-p", port, "lrange", "list", "0", "-1"});
        size += ask({"/usr/bin/redis-cli", "-p", port, "get", "last"});
        return size;
    };
    expect_same_service("18079", first);
    expect_same_service("18079", second);
}

TEST_P(DebianPrograms, Node) {
    ENCLAVISOR_PREPARE("node", {"/usr/bin/curl"});
    if (fs::exists("/usr/lib/x86_64-linux-gnu/libnode.so.108")) {
        GTEST_SKIP() << "a nodejs that is one executable, as the manifest has it, is not installed";
    }
    expect_same_service("18080", [](const std::string& port, Server& server) {
        const std::string url = "http://127.0.0.1:" + port;
        std::string seen = ask({"/usr/bin/curl", "-s", url + "/a?b=c", url + "/packed"});
        seen += ask({"/usr/bin/curl", "-s", "-d", "[1, 2, 3.5]", url + "/"});
        seen += ask({"/usr/bin/curl", "-s", url + "/quit"});
        EXPECT_EQ(seen.find("status 7"), std::string::npos) << seen;
        return seen + (server.ended(std::chrono::seconds{30}) ? "ended\n" : "still there\n");
    });
}

TEST_P(DebianPrograms, Nginx) {
    ENCLAVISOR_PREPARE("nginx", {"/usr/bin/curl"});
    expect_same_service("18083", [](const std::string& port, Server&) {
        const std::string url = "http://127.0.0.1:" + port;
        std::string seen;
        for (const char* path : {"/fixed", "/pages/long.txt", "/none", "/moved"}) {
            seen += replaced(
                ask({"/usr/bin/curl", "-s", "-L", "-w", "%{http_code} %{size_download}\n", url + path}),
                ":" + port, ":PORT");
            seen += ask({"/usr/bin/curl", "-s", "--compressed", "-r", "5-25", url + path});
        }
        return seen;
    });
}

TEST_P(DebianPrograms, NginxUnderLoad) {
    ENCLAVISOR_PREPARE("nginx", {"/usr/bin/wrk"});
    expect_same_service("18083", [](const std::string& port, Server&) {
        std::string seen;
        for (const char* path : {"/fixed", "/pages/long.txt"}) {
            const std::string report = ask({"/usr/bin/wrk", "-t", "2", "-c", "12", "-d", "3s", "--timeout",
                                            "60s", "http://127.0.0.1:" + port + path});
            // Every answer is a page, and no connection breaks.
            const bool served = std::regex_search(report, std::regex{"\n +[1-9][0-9]* requests in "});
            const bool wrong = report.find("Non-2xx") != std::string::npos ||
                               report.find("Socket errors") != std::string::npos;
            seen += served && !wrong ? "served\n" : report;
        }
        return seen;
    });
}

TEST_P(DebianPrograms, Memcached) {
    ENCLAVISOR_PREPARE("memcached", {"/usr/bin/curl"});
    if (::geteuid() == 0) native_.insert(native_.end(), {"-u", "root"});
    expect_same_service("18082", [this](const std::string& port, Server&) {
        write_file(
            temp_ / "commands",
            "set a 5 0 3\r\nabc\r\nget a\r\nappend a 0 0 2\r\nde\r\ngets a none\r\nset n 0 0 1\r\n7\r\n"
            "incr n 35\r\ndelete a\r\nget a n\r\nnonsense\r\nquit\r\n");
        return ask(
            {"/bin/sh", "-c",
             "curl -s --max-time 30 telnet://127.0.0.1:" + port + " <" + (temp_ / "commands").string()});
    });
}

TEST_P(DebianPrograms, Postgres) {
    ENCLAVISOR_PREPARE("postgres", {"/usr/lib/postgresql/15/bin/postgres"});
    const auto manifest = temp_ / "enclave/postgres.toml";
    write_file(manifest, replaced(read_file(manifest), "18084", free_port()));
    RunOptions options;
    options.inherit_environment = true;
    options.timeout = std::chrono::seconds{500};
    const std::string platform = host::platform_name(GetParam());
    // Natively it does not run as root, as tests may.
    const RunResult enclave =
        run({enclavisor_command(), "run", "-q", "--platform", platform, "--memory", "2G", manifest.string()},
            options);
    EXPECT_EQ(enclave.status, 0) << enclave.err;
    EXPECT_EQ(enclave.out,
              "initialised\n42\n142|47262215\n12\nnumber of transactions actually processed: 100/100\n"
              "number of failed transactions: 0 (0.000%)\n100\nt\nstopped with 0\n")
        << enclave.err;
}

#undef ENCLAVISOR_PREPARE

}  // namespace
}  // namespace enclavisor::tests
