#include "runtime/entry/program_start.hpp"

#include <cpuid.h>
#include <elf.h>
#include <sys/mman.h>

#include <cstring>

#include "runtime/entry/program_stack.hpp"
#include "runtime/files/host_file.hpp"
#include "runtime/files/path.hpp"
#include "runtime/signals/frame.hpp"
#include "runtime/support/kernel_call.hpp"
#include "runtime/support/random.hpp"
#include "runtime/support/vector_state.hpp"
#include "runtime/system.hpp"

extern "C" const char vdso_image, vdso_image_end;

namespace enclavisor::runtime {
namespace {

constexpr std::uint64_t kFsGsBase = 2;  // HWCAP2_FSGSBASE: the kernel has set CR4.FSGSBASE
constexpr std::uint64_t kTicks = 100;

std::uint64_t vdso_size() {
    return static_cast<std::uint64_t>(&vdso_image_end - &vdso_image);
}

// The page of TimeData and the vDSO behind it; the same in every process.
Range vdso_range() {
    const std::uint64_t pages = (vdso_size() + abi::kPageSize - 1) & ~(abi::kPageSize - 1);
    return {abi::kMmapTop - pages - abi::kPageSize, abi::kMmapTop};
}

}  // namespace

TimeData* time_data() {
    return reinterpret_cast<TimeData*>(vdso_range().begin);
}

void place_time_data(const TimeData& time) {
    const auto at = reinterpret_cast<std::uint64_t>(time_data());
    if (!range_call(abi::Call::kMap, at, abi::kPageSize, abi::kRead | abi::kWrite)) {
        end_enclave(abi::EndReason::kFault, 14, 0, at);
    }
    *time_data() = time;
}

std::vector<std::string_view> configured_environment(const Config& config, const Start& start) {
    if (config.options.flags & abi::kHostEnvironment) return start.environment;
    std::vector<std::string_view> result = config.environment;
    for (const std::string_view name : config.environment_from_host) {
        for (const std::string_view variable : start.environment) {
            if (variable.size() > name.size() && variable.substr(0, name.size()) == name &&
                variable[name.size()] == '=') {
                result.push_back(variable);
            }
        }
    }
    return result;
}

Ref<Directory> configured_directory(const Config& config, const Start& start) {
    const bool of_host = config.options.flags & abi::kHostIdentity;
    return make_ref<Directory>(normalise("/", of_host ? start.directory : "/"), start.info.umask);
}

void give_streams(Process& process, const std::int32_t (&fds)[3], const Ref<Terminal>& terminal) {
    for (const std::int32_t fd : fds) {
        const auto file = make_ref<HostFile>(fd, O_RDWR);
        file->may_be(terminal);
        process.files->add(file, false);
    }
    process.terminal = terminal;
    terminal->session = process.session;
    terminal->foreground = process.group;
}

std::uint64_t place_vdso(Memory& memory) {
    const Range range = vdso_range();
    const Range image{range.begin + abi::kPageSize, range.end};
    if (!memory.place({range, PROT_READ | PROT_WRITE, AreaKind::kVdso})) return 0;
    std::memcpy(reinterpret_cast<void*>(image.begin), &vdso_image, vdso_size());
    memory.protect(image.begin, image.size(), PROT_READ | PROT_EXEC);
    return image.begin;
}

std::uint64_t most_argument_bytes() {
    return system().config.options.stack_size / 4;
}

bool build_stack(Process& process, const ProgramImage& image, const ProgramArguments& given,
                 std::uint64_t vdso, abi::Registers& registers) {
    const std::uint64_t bottom = abi::kStackTop - system().config.options.stack_size;
    if (!process.memory->place({{bottom, abi::kStackTop}, PROT_READ | PROT_WRITE, AreaKind::kStack})) {
        return false;
    }
    std::uint32_t eax, ebx, ecx, edx;
    __cpuid(1, eax, ebx, ecx, edx);
    ProgramStack stack;
    stack.arguments = given.arguments;
    stack.environment = given.environment;
    stack.executable = given.executable;
    for (std::uint64_t& word : stack.random) word = seeded_number();
    stack.auxiliary = {
        {AT_SYSINFO_EHDR, vdso},
        {AT_HWCAP, edx},
        {AT_PAGESZ, abi::kPageSize},
        {AT_CLKTCK, kTicks},
        {AT_PHDR, image.headers},
        {AT_PHENT, sizeof(Elf64_Phdr)},
        {AT_PHNUM, image.header_count},
        {AT_BASE, image.interpreter_base},
        {AT_FLAGS, 0},
        {AT_ENTRY, image.entry},
        {AT_UID, process.uid},
        {AT_EUID, process.euid},
        {AT_GID, process.gid},
        {AT_EGID, process.egid},
        {AT_SECURE, 0},
        {AT_HWCAP2, kFsGsBase},
        {AT_MINSIGSTKSZ, vector_state_info().size + sizeof(SignalFrame) + 256},
    };
    if (stack.size() > most_argument_bytes()) return false;
    process.arguments_text.clear();
    process.environment_text.clear();
    for (const std::string_view text : stack.arguments) (process.arguments_text += text) += '\0';
    for (const std::string_view text : stack.environment) (process.environment_text += text) += '\0';
    registers = {};
    registers.rip = image.start;
    registers.rsp = stack.write(abi::kStackTop);
    registers.rflags = 0x202;
    return true;
}

}  // namespace enclavisor::runtime
