// The start of a process enclave: from what was measured and what the host
// says to the program's first instruction.
#include <elf.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>

#include "runtime/entry/offsets.hpp"
#include "runtime/entry/program_start.hpp"
#include "runtime/files/host_file.hpp"
#include "runtime/files/path.hpp"
#include "runtime/host/host.hpp"
#include "runtime/processes/process.hpp"
#include "runtime/signals/deliver.hpp"
#include "runtime/support/heap.hpp"
#include "runtime/support/kernel_call.hpp"
#include "runtime/support/lasting.hpp"
#include "runtime/support/random.hpp"
#include "runtime/system.hpp"
#include "runtime/threads/lock.hpp"

extern "C" {
extern char syscall_stack_top, exception_stack_top;
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

Lasting<System> the_system;

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
        process.memory->note({{begin & ~(abi::kPageSize - 1),
                               (begin + header->p_memsz + abi::kPageSize - 1) & ~(abi::kPageSize - 1)},
                              protection,
                              kind});
    }
}

void note_images(Process& process) {
    const abi::ConfigProgram& p = system().config.program;
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

// So many that a bomb of threads does not reach the memory limit, which would end
// the enclave: each takes about eight pages when it has done something.
std::uint32_t most_threads(std::uint64_t memory_limit) {
    constexpr std::uint64_t kMost = 1024, kLeast = 16, kShare = 128 << 10;
    return static_cast<std::uint32_t>(std::clamp(memory_limit / kShare, kLeast, kMost));
}

}  // namespace

System& system() {
    return the_system.get();
}

extern "C" [[noreturn]] void start_runtime(abi::ThreadBlock* block) {
    block->runtime[kWordSyscallStack] = reinterpret_cast<std::uint64_t>(&syscall_stack_top);
    block->runtime[kWordExceptionStack] = reinterpret_cast<std::uint64_t>(&exception_stack_top);
    start_heap();
    for (const Constructor* c = constructors_begin; c != constructors_end; c++) (*c)();
    start_random();

    start_host(*block);
    System& system = the_system.create(read_config(), read_start());
    Process& process = system.processes.add(std::make_unique<Process>(system.config, system.start.info));
    system.first = &process;
    system.threads.start(process, most_threads(process.memory->limit()), block);
    const rlim_t most = system.threads.most();
    process.limits[RLIMIT_NPROC] = {most, most};
    process.leader->name = base_name(system.config.executable).substr(0, 15);
    runtime_lock.lock();
    note_images(process);
    const std::uint64_t vdso = place_vdso(*process.memory);
    if (vdso == 0) end_enclave(abi::EndReason::kFault, 14, 0, abi::kMmapTop);
    system.clock.start(time_data(), block->tsc_khz, system.start.info.wall_ns,
                       system.start.info.monotonic_ns);
    process.began = system.clock.read(ClockKind::kMonotonic);
    process.directory = configured_directory(system.config, system.start);
    system.names.start(system.config, process.uid, process.gid);
    give_streams(process, {0, 1, 2}, system.host_terminal);

    const abi::ConfigProgram& program = system.config.program;
    ProgramImage image{program.entry, program.entry, program.program_headers, program.header_count,
                       program.interpreter_base};
    if (program.interpreter_base != 0) image.start = program.interpreter_entry;
    ProgramArguments given{{}, configured_environment(system.config, system.start), system.config.executable};
    given.arguments =
        system.config.options.flags & abi::kHostArguments ? system.start.arguments : system.config.arguments;
    abi::Registers registers;
    // Too much can only come from the host.
    if (!build_stack(process, image, given, vdso, registers)) host_broke(kRuleStartInfo);
    runtime_lock.unlock();
    resume_program(registers);
}

}  // namespace enclavisor::runtime
