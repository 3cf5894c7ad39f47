#include "host/lib/qemu_command.hpp"

#include <fmt/format.h>

#include "abi/platform/layout.hpp"
#include "abi/platform/sim_request.hpp"

namespace enclavisor::host {
namespace {

// q35 (hw/i386/pc_q35.c): at most 2 GiB lie below 4 GiB once RAM is this large.
constexpr std::uint64_t kSplitMib = 2816;
constexpr std::uint64_t kLowMib = 2048;
constexpr std::uint64_t kHighBeginMib = 4096;

std::string memory_object(const char* id, std::uint64_t mib, int fd) {
    if (fd < 0) return fmt::format("memory-backend-memfd,id={},size={}M,share=on", id, mib);
    return fmt::format("memory-backend-file,id={},size={}M,share=on,mem-path=/dev/fd/{}", id, mib, fd);
}

}  // namespace

std::uint64_t private_memory_mib(std::uint64_t memory_mib) {
    return memory_mib < kSplitMib ? memory_mib : kHighBeginMib + memory_mib - kLowMib;
}

std::vector<std::string> qemu_command(const QemuSpec& spec) {
    std::vector<std::string> line{spec.qemu.string(), "-nodefaults", "-no-user-config", "-display", "none"};
    auto add = [&line](std::string option, std::string value) {
        line.push_back(std::move(option));
        line.push_back(std::move(value));
    };
    std::string machine = "q35,vmport=off,hpet=off,pit=off,i8042=off,sata=off,smbus=off,smm=off";
    std::string memory = fmt::format("{}M", spec.memory_mib);
    // Of an SEV-SNP guest, the pages that it shares; QEMU has the private ones from KVM.
    if (spec.shared_ram_fd >= 0 || spec.platform == Platform::kSevSnp) {
        add("-object", memory_object("ram0", spec.memory_mib, spec.shared_ram_fd));
        machine += ",memory-backend=ram0";
    }
    if (spec.sev != nullptr) {
        add("-object", sev_object(*spec.sev));
        machine += ",confidential-guest-support=sev0";
    }
    if (is_simulated(spec.platform)) memory += ",slots=1,maxmem=600G";
    add("-machine", machine);
    add("-m", memory);
    if (is_simulated(spec.platform)) {
        add("-object", memory_object("private", private_memory_mib(spec.memory_mib), spec.private_ram_fd));
        add("-device", fmt::format("pc-dimm,memdev=private,addr={:#x}", abi::kSimulatedPrivatePhys));
    }

    const bool kvm = spec.accelerator == Accelerator::kKvm;
    if (spec.icount) {
        add("-accel", "tcg,thread=single");
        add("-icount", "shift=0,sleep=off");
    } else {
        add("-accel", kvm ? "kvm" : "tcg,thread=multi");
    }
    const std::string model = spec.sev != nullptr ? spec.sev->cpu_model : kvm ? "host" : "max";
    add("-cpu", !spec.cpu.empty() ? spec.cpu : model + ",-la57");
    add("-smp", fmt::format("{}", spec.cpus));
    add("-bios", spec.rom.string());
    add("-chardev", fmt::format("socket,id=serial,fd={}", spec.serial_fd));
    add("-serial", "chardev:serial");
    add("-chardev", fmt::format("socket,id=link,fd={}", spec.link_fd));
    add("-device", "ivshmem-doorbell,chardev=link,vectors=1");
    if (has_simulated_exits(spec.platform)) {
        add("-chardev", fmt::format("socket,id=carrier,fd={}", spec.carrier_fd));
        add("-device", fmt::format("isa-debugcon,iobase={:#x},chardev=carrier", abi::kSimPort));
    }
    if (spec.monitor_fd >= 0) {
        add("-chardev", fmt::format("socket,id=monitor,fd={}", spec.monitor_fd));
        add("-mon", "chardev=monitor,mode=control");
        line.push_back("-S");
    }
    line.push_back("-no-reboot");
    line.insert(line.end(), spec.extra.begin(), spec.extra.end());
    return line;
}

}  // namespace enclavisor::host
