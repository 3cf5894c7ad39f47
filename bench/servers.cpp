#include "bench/servers.hpp"

#include <fmt/format.h>

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

struct Side {
    std::string address, port;
    std::map<std::string, std::vector<double>> rates;
};

Words redis_arguments(const std::string& bind, const std::string& port) {
    return {"--bind", bind, "--port", port, "--save", "--appendonly", "no", "--protected-mode", "no"};
}

std::vector<std::string> libraries_of(const std::string& program) {
    const std::string interpreter = "/lib64/ld-linux-x86-64.so.2";
    const auto bytes = host::read_file(program);
    if (!bytes.ok()) return {};
    std::vector<std::string> paths = host::needed_libraries(bytes.value(), program, interpreter).paths;
    paths.insert(paths.end(), {interpreter, "/etc/ld.so.cache"});
    return paths;
}

// One run of the client; adds what it says, of several requests at once.
host::Result<void> drive_redis(Side& side, int pipelined) {
    tests::RunOptions options;
    options.inherit_environment = true;
    options.timeout = std::chrono::seconds{300};
    const auto said =
        tests::run({"/usr/bin/redis-benchmark", "-h", side.address, "-p", side.port, "-t", "set,get", "-c",
                    "50", "-P", std::to_string(pipelined), "-n", pipelined > 1 ? "60000" : "10000", "--csv"},
                   options);
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

}  // namespace

host::Result<void> measure_redis(const LinuxKernel& kernel, const std::filesystem::path& programs,
                                 const std::filesystem::path& work, int rounds, Results& results) {
    Side enclave{"127.0.0.1", tests::free_port(), {}}, guest{kGuestAddress, "6379", {}};
    Words command{tests::enclavisor_command(), "run", "--quiet", "--accel", "tcg", kRedis};
    for (const std::string& word : redis_arguments(enclave.address, enclave.port)) command.push_back(word);
    tests::Server server{command, work / "redis-log"};
    LinuxArm arm{kernel, programs, work};
    const Program program{"redis",
                          kRedis,
                          redis_arguments("0.0.0.0", guest.port),
                          512,
                          InEnclave::kRuns,
                          false,
                          libraries_of(kRedis)};
    const host::Process linux_guest = TRY(arm.serve(program));
    if (!server.listens(enclave.port)) return host::fail("redis-server does not listen in the enclave");
    TRY(arm.wait_until_reachable(guest.port));
    for (int round = 0; round < rounds; round++) {
        for (const int pipelined : {1, 16}) {
            TRY(drive_redis(enclave, pipelined));
            TRY(drive_redis(guest, pipelined));
        }
    }
    for (const auto& [name, rates] : enclave.rates) results.enclave["plain"][name] = median(rates);
    for (const auto& [name, rates] : guest.rates) results.linux_guest["default"][name] = median(rates);
    return {};
}

}  // namespace enclavisor::bench
