#include "bench/servers.hpp"

#include <fmt/format.h>

#include <fstream>
#include <functional>
#include <sstream>
#include <vector>

#include "bench/templates.hpp"
#include "host/lib/file.hpp"
#include "host/lib/libraries.hpp"
#include "tests/support/machines.hpp"
#include "tests/support/server.hpp"
#include "tests/support/subprocess.hpp"
#include "tests/support/tcp.hpp"

namespace enclavisor::bench {
namespace {

using Words = std::vector<std::string>;

constexpr const char* kRedis = "/usr/bin/redis-server";
constexpr const char* kNginx = "/usr/sbin/nginx";

struct Side {
    std::string address, port;
    std::map<std::string, std::vector<double>> rates;
};

// One server, its command line for a side, and what is asked of it in a round.
struct Contest {
    std::string program;
    std::function<Words(const Side&)> arguments;
    std::vector<std::string> files;  // that a Linux guest needs besides the program and its libraries
    std::function<host::Result<void>(Side&)> drive;
};

std::vector<std::string> libraries_of(const std::string& program) {
    const std::string interpreter = "/lib64/ld-linux-x86-64.so.2";
    const auto bytes = host::read_file(program);
    if (!bytes.ok()) return {};
    std::vector<std::string> paths = host::needed_libraries(bytes.value(), program, interpreter).paths;
    paths.insert(paths.end(), {interpreter, "/etc/ld.so.cache"});
    return paths;
}

tests::RunResult run_client(const Words& command) {
    tests::RunOptions options;
    options.inherit_environment = true;
    options.timeout = std::chrono::seconds{300};
    return tests::run(command, options);
}

// With as many clients as redis-benchmark has unless told otherwise; some of them with several requests at
// once.
host::Result<void> drive_redis(Side& side, int pipelined) {
    const auto said =
        run_client({"/usr/bin/redis-benchmark", "-h", side.address, "-p", side.port, "-t", "set,get", "-P",
                    std::to_string(pipelined), "-n", pipelined > 1 ? "200000" : "40000", "--csv"});
    std::istringstream lines{said.out};
    int found = 0;
    for (std::string line; std::getline(lines, line);) {
        for (const char* name : {"SET", "GET"}) {
            const std::string begin = fmt::format("\"{}\",\"", name);
            if (!line.starts_with(begin)) continue;
            const std::string what = fmt::format("redis.{}-{}", name[0] == 'S' ? "set" : "get", pipelined);
            side.rates[what].push_back(std::stod(line.substr(begin.size())));
            found++;
        }
    }
    if (found != 2) return host::fail("redis-benchmark fails: " + said.out + said.err);
    return {};
}

host::Result<void> drive_nginx(Side& side) {
    const auto said = run_client({"/usr/bin/wrk", "-t", "1", "-c", "32", "-d", "3",
                                  fmt::format("http://{}:{}/page.html", side.address, side.port)});
    const std::string begin = "Requests/sec:";
    const std::size_t at = said.out.find(begin);
    if (at == std::string::npos || said.out.find("Non-2xx") != std::string::npos) {
        return host::fail("wrk fails: " + said.out + said.err);
    }
    side.rates["nginx.get"].push_back(std::stod(said.out.substr(at + begin.size())));
    return {};
}

Contest redis() {
    return {.program = kRedis,
            .arguments =
                [](const Side& side) {
                    return Words{"--bind",       side.address, "--port",           side.port, "--save",
                                 "--appendonly", "no",         "--protected-mode", "no"};
                },
            .files = {},
            .drive = [](Side& side) -> host::Result<void> {
                TRY(drive_redis(side, 1));
                return drive_redis(side, 16);
            }};
}

// One worker and a page of 1 KiB, below `site`.
Contest nginx(const std::filesystem::path& site) {
    std::filesystem::create_directories(site);
    std::ofstream{site / "page.html"} << std::string(1023, 'x') << "\n";
    const auto configuration = [site](const Side& side) { return site / (side.address + ".conf"); };
    return {.program = kNginx,
            .arguments =
                [=](const Side& side) {
                    std::ofstream{configuration(side)} << fmt::format(
                        "daemon off; worker_processes 1; pid pid; error_log stderr; user root;\n"
                        "events {{ worker_connections 256; }}\n"
                        "http {{ access_log off; client_body_temp_path body; proxy_temp_path proxy; "
                        "fastcgi_temp_path fast; uwsgi_temp_path uwsgi; scgi_temp_path scgi; "
                        "server {{ listen {}:{}; root {}; }} }}\n",
                        side.address, side.port, site.string());
                    return Words{"-p", site, "-c", configuration(side), "-e", "stderr"};
                },
            .files = {site, "/etc/passwd", "/etc/group", "/etc/nsswitch.conf"},
            .drive = drive_nginx};
}

host::Result<void> measure(const Contest& contest, LinuxArm arm, const std::filesystem::path& work,
                           int rounds, Results& results) {
    Side enclave{"127.0.0.1", tests::free_port(), {}}, guest{kGuestAddress, "6379", {}};
    Words command{tests::enclavisor_command(), "run", "--quiet", "--accel", "tcg", contest.program};
    for (const std::string& word : contest.arguments(enclave)) command.push_back(word);
    const std::string name = std::filesystem::path{contest.program}.filename();
    Program program{name,
                    contest.program,
                    contest.arguments(guest),
                    512,
                    InEnclave::kRuns,
                    false,
                    libraries_of(contest.program)};
    program.files.insert(program.files.end(), contest.files.begin(), contest.files.end());
    tests::Server server{command, work / (name + "-log")};
    host::Process linux_guest = TRY(arm.serve(program));
    if (!server.listens(enclave.port)) return host::fail(name + " does not listen in the enclave");
    TRY(arm.wait_until_reachable(guest.port));
    for (int round = 0; round < rounds; round++) {
        TRY(contest.drive(enclave));
        if (linux_guest.ended()) return host::fail(name + " ended in the Linux guest: " + arm.output());
        TRY(contest.drive(guest));
    }
    for (const auto& [what, rates] : enclave.rates) results.enclave["plain"][what] = median(rates);
    for (const auto& [what, rates] : guest.rates) results.linux_guest["default"][what] = median(rates);
    return {};
}

}  // namespace

host::Result<void> measure_redis(LinuxArm arm, const std::filesystem::path& work, int rounds,
                                 Results& results) {
    return measure(redis(), std::move(arm), work, rounds, results);
}

host::Result<void> measure_nginx(LinuxArm arm, const std::filesystem::path& work, int rounds,
                                 Results& results) {
    return measure(nginx(work / "site"), std::move(arm), work, rounds, results);
}

// Both sides do the same transactions, by turns, each in a machine of its own.
host::Result<void> measure_durable(EnclaveArm enclave, LinuxArm guest, const std::filesystem::path& work,
                                   int rounds, Results& results) {
    const Program program{"sqlite-durable", "sqlite_durable", {}, 256, InEnclave::kRuns, true};
    Program ours_program = program;
    ours_program.arguments = {work};
    std::vector<double> ours, theirs;
    const std::string figure = program.name + ".transactions";
    for (int round = 0; round < rounds; round++) {
        ours.push_back(TRY(enclave.run(ours_program))[figure]);
        theirs.push_back(TRY(guest.run_on_disk(program))[figure]);
    }
    results.enclave["plain"][figure] = median(ours);
    results.linux_guest["default"][figure] = median(theirs);
    return {};
}

}  // namespace enclavisor::bench
