#include "host/lib/carrier.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <cstring>

#include "host/lib/fd_message.hpp"
#include "host/lib/file.hpp"
#include "host/lib/launch_digest.hpp"
#include "host/lib/measure.hpp"
#include "host/lib/paths.hpp"
#include "host/lib/sev_features.hpp"

namespace enclavisor::host {
namespace {

using namespace std::chrono_literals;

// A launch takes a small part of it.
constexpr auto kPatience = 10s;
constexpr std::size_t kLongestAnswer = 256;

Result<std::string> predict(const CarrierSpec& spec) {
    const auto image = TRY(read_file(spec.rom));
    const auto firmware = TRY(parse_firmware(image, spec.rom.string()));
    LaunchSpec launch;
    const bool snp = spec.platform == Platform::kSimulatedSnp;
    launch.kind = snp ? LaunchKind::kSevSnp : LaunchKind::kSevEs;
    launch.vcpus = spec.vcpus;
    launch.vcpu_state = {TRY(cpu_signature("max")), sev_features(spec.platform, spec.required)};
    return to_hex(TRY(launch_digest(firmware, launch)));
}

// Its first line, without the end.
Result<std::string> first_line(int fd, const std::atomic<int>* cancelled) {
    const auto begin = std::chrono::steady_clock::now();
    std::string line;
    while (line.size() < kLongestAnswer) {
        if (cancelled != nullptr && cancelled->load() != 0)
            return fail("interrupted", "", 128 + cancelled->load());
        if (std::chrono::steady_clock::now() - begin > kPatience)
            return fail("the simulation's hypervisor did not launch the VM in time");
        pollfd readable{fd, POLLIN, 0};
        if (::poll(&readable, 1, 50) <= 0) continue;
        char c;
        const ssize_t count = ::read(fd, &c, 1);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return fail("the simulation's hypervisor did not launch the VM");
        if (c == '\n') return line;
        line += c;
    }
    return fail("the simulation's hypervisor says what it should not");
}

}  // namespace

Result<Carrier> start_carrier(const CarrierSpec& spec) {
    auto [doors, client] = TRY(socket_pair(SOCK_STREAM));
    int pipe[2];
    if (::pipe2(pipe, O_CLOEXEC) != 0)
        return fail(fmt::format("cannot create a pipe: {}", std::strerror(errno)));
    const Fd ready{pipe[0]};
    Fd ready_writer{pipe[1]};
    const Fd nothing{::open("/dev/null", O_RDWR | O_CLOEXEC)};

    std::vector<std::string> line{TRY(find_carrier()).string(), "--platform", platform_name(spec.platform),
                                  "--rom", spec.rom.string()};
    const auto add = [&line](const char* option, std::uint64_t value) {
        line.insert(line.end(), {option, std::to_string(value)});
    };
    const auto add_fd = [&add](const char* option, int fd) { add(option, static_cast<std::uint64_t>(fd)); };
    add("--vcpus", spec.vcpus);
    add("--memory", spec.memory_mib);
    add("--features", spec.required);
    add("--tsc-khz", spec.tsc_khz);
    add_fd("--shared-fd", spec.shared_ram_fd);
    add_fd("--private-fd", spec.private_ram_fd);
    add_fd("--doors-fd", doors.get());
    add_fd("--ready-fd", ready_writer.get());
    line.insert(line.end(), spec.arguments.begin(), spec.arguments.end());

    SpawnOptions spawn;
    spawn.inherit = {spec.shared_ram_fd, spec.private_ram_fd, doors.get(), ready_writer.get()};
    spawn.standard_input = nothing.get();
    spawn.standard_output = spec.standard_error;
    spawn.standard_error = spec.standard_error;
    spawn.own_group = true;
    Carrier carrier{std::make_unique<Process>(TRY(Process::spawn(line, spawn))), std::move(client)};
    ready_writer.reset();
    // Meanwhile it launches.
    const std::string predicted = "ready " + TRY(predict(spec));
    const std::string answer = TRY(first_line(ready.get(), spec.cancelled));
    if (answer != predicted) {
        return fail(fmt::format("the VM was launched as '{}', not as '{}'", answer, predicted),
                    "the launch digest is not that of this kernel");
    }
    return carrier;
}

}  // namespace enclavisor::host
