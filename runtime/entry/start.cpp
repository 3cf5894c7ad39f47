// The start of a process enclave: from what was measured and what the host
// says to the program's first instruction.
#include <cpuid.h>
#include <elf.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>

#include "runtime/entry/offsets.hpp"
#include "runtime/entry/program_stack.hpp"
#include "runtime/files/host_file.hpp"
#include "runtime/files/path.hpp"
#include "runtime/host/host.hpp"
#include "runtime/process.hpp"
#include "runtime/signals/deliver.hpp"
#include "runtime/support/heap.hpp"
#include "runtime/support/kernel_call.hpp"
#include "runtime/support/lasting.hpp"
#include "runtime/support/random.hpp"
#include "runtime/support/vector_state.hpp"
#include "runtime/threads/lock.hpp"

extern "C" {
extern char syscall_stack_top, exception_stack_top;
extern const char vdso_image, vdso_image_end;
using Constructor = void (*)();
extern const Constructor constructors_begin[], constructors_end[];
}

namespace enclavisor::runtime {

static_assert(BLOCK_PROGRAM_RIP == offsetof(abi::ThreadBlock, program_rip));
static_assert(BLOCK_SELF == offsetof(abi::ThreadBlock, self));
static_assert(BLOCK_PROGRAM_RSP == offsetof(abi::ThreadBlock, runtime));
static_assert(BLOCK_SYSCALL_STACK == offsetof(abi::ThreadBlock, runtime) + 8 * kWordSyscallStack);
static_assert(BLOCK_EXCEPTION_STACK == offsetof(abi::ThreadBlock, runtime) + 8 * kWordExceptionStack);
static_assert(BLOCK_WORK == offsetof(abi::ThreadBlock, runtime) + 8 * kWordWork);
static_assert(BLOCK_CONTROL == offsetof(abi::ThreadBlock, runtime) + 8 * kWordControl);
static_assert(BLOCK_ENTRY == offsetof(abi::ThreadBlock, runtime) + 8 * kWordEntry);
static_assert(REGISTERS_RAX == offsetof(abi::Registers, rax));

namespace {

// End codes of a start that fails for the enclave's own reasons (EndReason::kExited
// would look like the program's): reported as a fault of the runtime.
constexpr std::uint64_t kBadConfiguration = 0x100;

Lasting<Process> the_process;

Config read_config() {
    abi::ConfigHeader header;
    const auto* base = reinterpret_cast<const std::byte*>(abi::kConfigBase);
    std::memcpy(&header, base, sizeof(header));
    auto config = parse_config({base, header.size});
    if (!config) end_enclave(abi::EndReason::kFault, kBadConfiguration, 0, abi::kConfigBase);
    return std::move(*config);
}

// The segments of the program or its interpreter, as its own program headers tell.
void note_image(Process& process, AreaKind kind, std::uint64_t base, std::uint64_t headers,
                std::uint64_t count) {
    const auto* header = reinterpret_cast<const Elf64_Phdr*>(headers);
    for (std::uint64_t i = 0; i < count; i++, header++) {
        if (header->p_type != PT_LOAD || header->p_memsz == 0) continue;
        const std::uint64_t begin = base + header->p_vaddr;
        const int protection = (header->p_flags & PF_R ? PROT_READ : 0) |
                               (header->p_flags & PF_W ? PROT_WRITE : 0) |
                               (header->p_flags & PF_X ? PROT_EXEC : 0);
        process.memory.note({{begin & ~(abi::kPageSize - 1),
                              (begin + header->p_memsz + abi::kPageSize - 1) & ~(abi::kPageSize - 1)},
                             protection,
                             kind});
    }
}

void note_images(Process& process) {
    const abi::ConfigProgram& p = process.config.program;
    note_image(process, AreaKind::kImage, p.base, p.program_headers, p.header_count);
    note_image(process, AreaKind::kInterpreter, p.interpreter_base, p.interpreter_headers,
               p.interpreter_header_count);
    const auto* header = reinterpret_cast<const Elf64_Phdr*>(p.program_headers);
    for (std::uint64_t i = 0; i < p.header_count; i++, header++) {
        if (header->p_type != PT_INTERP || header->p_filesz >= abi::kMaxPath) continue;
        std::string path(header->p_filesz, '\0');
        if (copy_in(path.data(), p.base + header->p_vaddr, path.size())) process.interpreter = path.c_str();
    }
}

// The page of TimeData and the vDSO behind it; the vDSO's address.
std::uint64_t place_vdso(Process& process, std::uint64_t tsc_khz) {
    const auto size = static_cast<std::uint64_t>(&vdso_image_end - &vdso_image);
    const std::uint64_t pages = (size + abi::kPageSize - 1) & ~(abi::kPageSize - 1);
    const Range range{abi::kMmapTop - pages - abi::kPageSize, abi::kMmapTop};
    const Range image{range.begin + abi::kPageSize, range.end};
    if (!process.memory.place({range, PROT_READ | PROT_WRITE, AreaKind::kVdso})) {
        end_enclave(abi::EndReason::kFault, 14, 0, range.begin);
    }
    std::memcpy(reinterpret_cast<void*>(image.begin), &vdso_image, size);
    process.memory.protect(image.begin, image.size(), PROT_READ | PROT_EXEC);
    process.clock.start(reinterpret_cast<TimeData*>(range.begin), tsc_khz, process.start.info.wall_ns,
                        process.start.info.monotonic_ns);
    return image.begin;
}

std::vector<std::string_view> choose_environment(const Process& process) {
    const Config& config = process.config;
    if (config.options.flags & abi::kHostEnvironment) return process.start.environment;
    std::vector<std::string_view> result = config.environment;
    for (const std::string_view name : config.environment_from_host) {
        for (const std::string_view variable : process.start.environment) {
            if (variable.size() > name.size() && variable.substr(0, name.size()) == name &&
                variable[name.size()] == '=') {
                result.push_back(variable);
            }
        }
    }
    return result;
}

// So many that a bomb of threads does not reach the memory limit, which would end
// the enclave: each takes about eight pages when it has done something.
std::uint32_t most_threads(std::uint64_t memory_limit) {
    constexpr std::uint64_t kMost = 1024, kLeast = 16, kShare = 128 << 10;
    return static_cast<std::uint32_t>(std::clamp(memory_limit / kShare, kLeast, kMost));
}

std::uint64_t build_stack(Process& process, std::uint64_t vdso) {
    constexpr std::uint64_t kFsGsBase = 2;  // HWCAP2_FSGSBASE: the kernel has set CR4.FSGSBASE
    constexpr std::uint64_t kTicks = 100;
    const abi::ConfigProgram& program = process.config.program;
    const std::uint64_t bottom = abi::kStackTop - process.config.options.stack_size;
    if (!process.memory.place({{bottom, abi::kStackTop}, PROT_READ | PROT_WRITE, AreaKind::kStack})) {
        end_enclave(abi::EndReason::kFault, 14, 0, bottom);
    }
    std::uint32_t eax, ebx, ecx, edx;
    __cpuid(1, eax, ebx, ecx, edx);
    ProgramStack stack;
    stack.arguments = process.config.options.flags & abi::kHostArguments ? process.start.arguments
                                                                         : process.config.arguments;
    stack.environment = choose_environment(process);
    stack.executable = process.config.executable;
    for (std::uint64_t& word : stack.random) word = seeded_number();
    stack.auxiliary = {
        {AT_SYSINFO_EHDR, vdso},
        {AT_HWCAP, edx},
        {AT_PAGESZ, abi::kPageSize},
        {AT_CLKTCK, kTicks},
        {AT_PHDR, program.program_headers},
        {AT_PHENT, sizeof(Elf64_Phdr)},
        {AT_PHNUM, program.header_count},
        {AT_BASE, program.interpreter_base},
        {AT_FLAGS, 0},
        {AT_ENTRY, program.entry},
        {AT_UID, process.uid},
        {AT_EUID, process.euid},
        {AT_GID, process.gid},
        {AT_EGID, process.egid},
        {AT_SECURE, 0},
        {AT_HWCAP2, kFsGsBase},
        {AT_MINSIGSTKSZ, vector_state_info().size + sizeof(SignalFrame) + 256},
    };
    for (const std::string_view text : stack.arguments) (process.arguments_text += text) += '\0';
    for (const std::string_view text : stack.environment) (process.environment_text += text) += '\0';
    // As Linux: at most a quarter of the stack. Too much can only come from the host.
    if (stack.size() > process.config.options.stack_size / 4) host_broke(kRuleStartInfo);
    return stack.write(abi::kStackTop);
}

}  // namespace

Process& process() {
    return the_process.get();
}

extern "C" [[noreturn]] void start_runtime(abi::ThreadBlock* block) {
    block->runtime[kWordSyscallStack] = reinterpret_cast<std::uint64_t>(&syscall_stack_top);
    block->runtime[kWordExceptionStack] = reinterpret_cast<std::uint64_t>(&exception_stack_top);
    start_heap();
    for (const Constructor* c = constructors_begin; c != constructors_end; c++) (*c)();
    start_random();

    start_host(*block);
    Process& process = the_process.create(read_config(), read_start());
    process.threads.start(process.pid, most_threads(process.memory.limit()), block);
    process.threads.first().name = base_name(process.config.executable).substr(0, 15);
    runtime_lock.lock();
    note_images(process);
    const std::uint64_t vdso = place_vdso(process, block->tsc_khz);
    const bool host_directory = process.config.options.flags & abi::kHostIdentity;
    process.names.start(process.config, host_directory ? process.start.directory : "/", process.uid,
                        process.gid);
    for (const int fd : {0, 1, 2}) process.files.add(Ref<OpenFile>{new HostFile(fd, O_RDWR)}, false);

    abi::Registers registers{};
    const abi::ConfigProgram& program = process.config.program;
    registers.rip = program.interpreter_base != 0 ? program.interpreter_entry : program.entry;
    registers.rsp = build_stack(process, vdso);
    registers.rflags = 0x202;
    runtime_lock.unlock();
    resume_program(registers);
}

}  // namespace enclavisor::runtime
