#include "bench/linux_arm.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <chrono>
#include <fstream>
#include <sstream>
#include <thread>

#include "bench/initramfs.hpp"
#include "bench/machine.hpp"
#include "host/lib/fd.hpp"
#include "host/lib/file.hpp"
#include "host/lib/paths.hpp"
#include "host/lib/process.hpp"

namespace enclavisor::bench {
namespace {

constexpr std::chrono::minutes kLongest{10};

std::string contents(const std::filesystem::path& path) {
    std::ifstream file{path, std::ios::binary};
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

std::vector<std::string> qemu_command(const std::string& qemu, std::uint64_t memory_mib) {
    return {qemu, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-machine",
            "microvm,acpi=off", "-accel", "tcg,thread=single", "-icount", "shift=0,sleep=off", "-cpu",
            kGuestCpu, "-smp", "1",
            // What a guest could see of the time of day, or of chance, would change its counts.
            "-rtc", "base=2024-01-01T00:00:00,clock=vm", "-seed", "1", "-m", fmt::format("{}M", memory_mib),
            "-device", "isa-debug-exit,iobase=0xf4,iosize=4"};
}

}  // namespace

host::Result<LinuxKernel> find_linux_kernel(const std::filesystem::path& directory) {
    LinuxKernel kernel{directory / "vmlinux", contents(directory / "version")};
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
    Initramfs files;
    const auto init = TRY(host::read_file(programs_ / "init"));
    files.add_program("init", init);
    const std::string output = TRY(output_of(std::move(files).finish(), 256, options));
    Figures figures;
    std::istringstream lines{output};
    const std::string other = read_figures(lines, "boot", figures);
    if (!figures.contains("boot.init_reached")) return host::fail("the Linux guest did not boot: " + other);
    return figures;
}

host::Result<Figures> LinuxArm::run(const Program& program, const std::string& options) {
    Initramfs files;
    const auto init = TRY(host::read_file(programs_ / "init"));
    const auto bytes = TRY(host::read_file(programs_ / program.file));
    files.add_program("init", init);
    files.add_program("program", bytes);
    std::string plan = program.name + " /program";
    for (const std::string& argument : program.arguments) plan += " " + argument;
    files.add_file("plan", plan + "\n");
    const std::string output = TRY(output_of(std::move(files).finish(), program.memory_mib, options));
    Figures figures;
    std::istringstream lines{output};
    const std::string other = read_figures(lines, program.name, figures);
    const auto status = figures.find(program.name + ".status");
    if (status == figures.end() || status->second != 0) {
        return host::fail(fmt::format("{} failed in the Linux guest: {}", program.name, other));
    }
    return figures;
}

host::Result<std::string> LinuxArm::output_of(const std::string& initramfs, std::uint64_t memory_mib,
                                              const std::string& options) {
    const auto archive = work_ / "initramfs", output = work_ / "linux-output", said = work_ / "linux-qemu";
    std::ofstream{archive, std::ios::binary} << initramfs;
    std::filesystem::remove(output);
    auto line = qemu_command(TRY(host::find_qemu()).string(), memory_mib);
    line.insert(line.end(), {"-kernel", kernel_.image.string(), "-initrd", archive.string(), "-append",
                             command_line(options), "-chardev", "file,id=debug,path=" + output.string(),
                             "-device", "isa-debugcon,iobase=0xe9,chardev=debug"});
    const host::Fd nothing{::open("/dev/null", O_RDWR | O_CLOEXEC)};
    const host::Fd messages{::open(said.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
    host::SpawnOptions spawn;
    spawn.standard_input = nothing.get();
    spawn.standard_output = spawn.standard_error = messages.get();
    auto qemu = TRY(host::Process::spawn(line, spawn));  // killed when it goes out of scope
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
