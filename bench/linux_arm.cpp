#include "bench/linux_arm.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

#include "bench/initramfs.hpp"
#include "bench/machine.hpp"
#include "host/lib/fd.hpp"
#include "host/lib/file.hpp"
#include "host/lib/paths.hpp"
#include "host/lib/process.hpp"
#include "tests/support/subprocess.hpp"

namespace enclavisor::bench {
namespace {

constexpr std::chrono::minutes kLongest{10};
constexpr off_t kDiskBytes = 256 << 20;
constexpr const char* kTap = "enclbench0";
constexpr const char* kOurAddress = "10.77.53.1";
// In the order in which they are loaded.
const std::vector<std::string> kNetworkDrivers{"virtio_ring",           "virtio",     "virtio_pci_legacy_dev",
                                               "virtio_pci_modern_dev", "virtio_pci", "failover",
                                               "net_failover",          "virtio_net"};
const std::vector<std::string> kDiskDrivers{"virtio_ring",           "virtio",     "virtio_pci_legacy_dev",
                                            "virtio_pci_modern_dev", "virtio_pci", "virtio_blk"};
constexpr const char* kDiskDirectory = "/disk";  // programs/init.c

std::string contents(const std::filesystem::path& path) {
    std::ifstream file{path, std::ios::binary};
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

std::vector<std::string> qemu_command(const std::string& qemu, std::uint64_t memory_mib, bool counting) {
    std::vector<std::string> line{qemu,
                                  "-nodefaults",
                                  "-no-user-config",
                                  "-display",
                                  "none",
                                  "-no-reboot",
                                  "-machine",
                                  "microvm,acpi=off",
                                  "-accel",
                                  "tcg,thread=single",
                                  "-cpu",
                                  kGuestCpu,
                                  "-smp",
                                  "1",
                                  "-m",
                                  fmt::format("{}M", memory_mib),
                                  "-device",
                                  "isa-debug-exit,iobase=0xf4,iosize=4"};
    if (counting) {
        // What a guest could see of the time of day, or of chance, would change its counts.
        line.insert(line.end(), {"-icount", "shift=0,sleep=off", "-rtc", "base=2024-01-01T00:00:00,clock=vm",
                                 "-seed", "1"});
    }
    return line;
}

void with_pci(std::vector<std::string>& line) {
    std::replace(line.begin(), line.end(), std::string{"microvm,acpi=off"}, std::string{"q35"});
}

// Nanoseconds of a byte through `serial` and back, the best of many, once the program
// there (programs/round_trip.c) says that it is ready; then ends it.
host::Result<double> time_echo(int serial) {
    constexpr int kRuns = 100, kTimes = 20;
    char byte = 0;
    if (::read(serial, &byte, 1) != 1) return host::fail("the Linux guest has no serial port");
    double best = 1e18;
    for (int run = 0; run < kRuns; run++) {
        const auto begin = std::chrono::steady_clock::now();
        for (int i = 0; i < kTimes; i++) {
            if (::write(serial, "x", 1) != 1 || ::read(serial, &byte, 1) != 1 || byte != 'x') {
                return host::fail("the serial port does not send back what it got");
            }
        }
        const std::chrono::duration<double, std::nano> taken = std::chrono::steady_clock::now() - begin;
        best = std::min(best, taken.count() / kTimes);
    }
    if (::write(serial, "q", 1) != 1) return host::fail("the serial port is gone");
    return best;
}

}  // namespace

host::Result<LinuxKernel> find_linux_kernel(const std::filesystem::path& directory) {
    LinuxKernel kernel{directory / "vmlinux", contents(directory / "version"), directory / "modules"};
    while (!kernel.version.empty() && kernel.version.back() == '\n') kernel.version.pop_back();
    if (kernel.version.empty() || !std::filesystem::exists(kernel.image)) {
        return host::fail(fmt::format("no Linux kernel in {}", directory.string()));
    }
    return kernel;
}

std::string LinuxArm::command_line(const std::string& options) {
    return "quiet nokaslr norandmaps panic=-1" + (options.empty() ? "" : " " + options);
}

host::Result<Figures> LinuxArm::boot(const std::string& options) {
    const std::string output = TRY(output_of(nullptr, {256, options}));
    Figures figures;
    std::istringstream lines{output};
    const std::string other = read_figures(lines, "boot", figures);
    if (!figures.contains("boot.init_reached")) return host::fail("the Linux guest did not boot: " + other);
    return figures;
}

host::Result<Figures> LinuxArm::run(const Program& program, const std::string& options) {
    return figures_of(program, {program.memory_mib, options});
}

host::Result<Figures> LinuxArm::run_on_disk(const Program& program) {
    const auto disk = work_ / "disk";
    const host::Fd file{::open(disk.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
    if (!file || ::ftruncate(file.get(), kDiskBytes) != 0) return host::fail("no disk for the Linux guest");
    const auto made = tests::run({"/usr/sbin/mkfs.ext4", "-q", "-F", disk});
    if (made.status != 0) return host::fail("mkfs.ext4 fails: " + made.err);
    Program there = program;
    there.arguments.push_back(kDiskDirectory);
    return figures_of(there,
                      {.memory_mib = program.memory_mib, .options = "", .counting = false, .disk = disk});
}

host::Result<Figures> LinuxArm::figures_of(const Program& program, Guest guest) {
    const std::string output = TRY(output_of(&program, std::move(guest)));
    Figures figures;
    std::istringstream lines{output};
    const std::string other = read_figures(lines, program.name, figures);
    const auto status = figures.find(program.name + ".status");
    if (status == figures.end() || status->second != 0) {
        return host::fail(fmt::format("{} failed in the Linux guest: {}", program.name, other));
    }
    return figures;
}

host::Result<Figures> LinuxArm::serial_round_trip() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return host::fail("no socketpair");
    const host::Fd ours{ends[0]};
    Guest guest{.memory_mib = 256, .counting = false, .serial = host::Fd{ends[1]}};
    const timeval longest{60, 0};
    ::setsockopt(ours.get(), SOL_SOCKET, SO_RCVTIMEO, &longest, sizeof longest);
    const Program echo{"serial", "round_trip", {"--serial"}, 256, InEnclave::kHasOwn};
    Figures figures;
    TRY(output_of(&echo, std::move(guest), [&] {
        auto timed = time_echo(ours.get());
        if (timed.ok()) figures["round-trip.serial"] = *timed;
        return timed.ok() ? host::Result<void>{} : base::Failure{timed.error()};
    }));
    return figures;
}

host::Result<void> LinuxArm::write_initramfs(const Program* program, Devices devices) {
    Initramfs files;
    const auto init = TRY(host::read_file(programs_ / "init"));
    files.add_program("init", init);
    if (program != nullptr) {
        std::string plan = program->name + " ";
        if (program->file.starts_with("/")) {
            files.add_from_host(program->file);
            plan += program->file;
        } else {
            files.add_program("program", TRY(host::read_file(programs_ / program->file)));
            plan += "/program";
        }
        for (const std::string& path : program->files) files.add_from_host(path);
        for (const std::string& argument : program->arguments) plan += " " + argument;
        files.add_file("plan", plan + "\n");
    }
    if (devices == Devices::kNetwork) files.add_file("network", kGuestAddress);
    if (devices == Devices::kDisk) files.add_directory(kDiskDirectory + 1);
    if (devices != Devices::kNone) {
        for (int i = 0; const auto& name : devices == Devices::kDisk ? kDiskDrivers : kNetworkDrivers) {
            const std::string driver = contents(kernel_.modules / (name + ".ko"));
            if (driver.empty()) return host::fail(fmt::format("no driver {} beside the Linux kernel", name));
            files.add_file(fmt::format("module{}", i++), driver);
        }
    }
    std::ofstream file{work_ / "initramfs", std::ios::binary};
    file << std::move(files).finish();
    if (!file.flush()) return host::fail("no initramfs can be written");
    return {};
}

host::Result<host::Process> LinuxArm::serve(const Program& program) {
    TRY(write_initramfs(&program, Devices::kNetwork));
    auto line = qemu_command(TRY(host::find_qemu()).string(), program.memory_mib, false);
    with_pci(line);
    line.insert(line.end(),
                {"-kernel", kernel_.image.string(), "-initrd", (work_ / "initramfs").string(), "-append",
                 command_line(""), "-netdev", fmt::format("tap,id=n,ifname={},script=no,downscript=no", kTap),
                 "-device", "virtio-net-pci,netdev=n,romfile=", "-chardev",
                 "file,id=debug,path=" + (work_ / "linux-output").string(), "-device",
                 "isa-debugcon,iobase=0xe9,chardev=debug"});
    const host::Fd nothing{::open("/dev/null", O_RDWR | O_CLOEXEC)};
    const auto said = work_ / "linux-server";
    const host::Fd messages{::open(said.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
    host::SpawnOptions spawn;
    spawn.standard_input = nothing.get();
    spawn.standard_output = spawn.standard_error = messages.get();
    auto qemu = TRY(host::Process::spawn(line, spawn));
    const std::string device{kTap};
    const std::string set =
        fmt::format("ip address add {}/24 dev {} && ip link set {} up", kOurAddress, kTap, kTap);
    for (int i = 0; i < 100 && !std::filesystem::exists("/sys/class/net/" + device) && !qemu.ended(); i++) {
        std::this_thread::sleep_for(std::chrono::milliseconds{50});
    }
    if (qemu.ended() || std::system((set + " 2>/dev/null").c_str()) != 0) {
        return host::fail("no network for the Linux guest (it needs root and /dev/net/tun): " +
                          contents(said));
    }
    return qemu;
}

std::string LinuxArm::output() const {
    return contents(work_ / "linux-output");
}

host::Result<void> LinuxArm::wait_until_reachable(const std::string& port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(port)));
    ::inet_pton(AF_INET, kGuestAddress, &address.sin_addr);
    for (int i = 0; i < 600; i++) {
        const host::Fd socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        const timeval longest{1, 0};
        ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &longest, sizeof longest);
        if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
            return {};
        std::this_thread::sleep_for(std::chrono::milliseconds{100});
    }
    return host::fail("the server in the Linux guest is not reached");
}

host::Result<std::string> LinuxArm::output_of(const Program* program, Guest guest,
                                              const std::function<host::Result<void>()>& meanwhile) {
    TRY(write_initramfs(program, guest.disk.empty() ? Devices::kNone : Devices::kDisk));
    const auto archive = work_ / "initramfs", output = work_ / "linux-output", said = work_ / "linux-qemu";
    std::filesystem::remove(output);
    auto line = qemu_command(TRY(host::find_qemu()).string(), guest.memory_mib, guest.counting);
    line.insert(line.end(), {"-kernel", kernel_.image.string(), "-initrd", archive.string(), "-append",
                             command_line(guest.options), "-chardev", "file,id=debug,path=" + output.string(),
                             "-device", "isa-debugcon,iobase=0xe9,chardev=debug"});
    const host::Fd nothing{::open("/dev/null", O_RDWR | O_CLOEXEC)};
    const host::Fd messages{::open(said.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
    host::SpawnOptions spawn;
    spawn.standard_input = nothing.get();
    spawn.standard_output = spawn.standard_error = messages.get();
    if (!guest.disk.empty()) {
        with_pci(line);
        line.insert(line.end(),
                    {"-drive", fmt::format("if=none,id=d,format=raw,file={}", guest.disk.string()), "-device",
                     "virtio-blk-pci,drive=d"});
    }
    if (guest.serial) {
        spawn.inherit = {guest.serial.get()};
        line.insert(line.end(), {"-chardev", fmt::format("socket,id=serial,fd={}", guest.serial.get()),
                                 "-serial", "chardev:serial"});
    }
    auto qemu = TRY(host::Process::spawn(line, spawn));  // killed when it goes out of scope
    guest.serial.reset();                                // its end is seen
    TRY(meanwhile());
    const auto end = std::chrono::steady_clock::now() + kLongest;
    while (!qemu.ended()) {
        if (std::chrono::steady_clock::now() > end) return host::fail("the Linux guest does not end");
        std::this_thread::sleep_for(std::chrono::milliseconds{10});
    }
    std::string text = contents(output);
    if (text.empty()) return host::fail("the Linux guest said nothing; QEMU: " + contents(said));
    return text;
}

}  // namespace enclavisor::bench
