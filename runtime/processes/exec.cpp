#include "runtime/processes/exec.hpp"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

#include "runtime/entry/program_start.hpp"
#include "runtime/files/host_file.hpp"
#include "runtime/files/path.hpp"
#include "runtime/processes/elf_image.hpp"
#include "runtime/processes/end.hpp"
#include "runtime/signals/deliver.hpp"
#include "runtime/support/kernel_call.hpp"
#include "runtime/support/vector_state.hpp"
#include "runtime/system.hpp"
#include "runtime/threads/lock.hpp"
#include "runtime/threads/robust_list.hpp"

namespace enclavisor::runtime {
namespace {

constexpr int kMostScripts = 4;  // of a script that is the interpreter of a script ...
constexpr std::size_t kScriptHead = 256;

// `#!interpreter [argument]`: the two. False: there is no interpreter.
bool parse_script(std::string_view head, std::string& interpreter, std::string& argument) {
    constexpr std::string_view kBlanks = " \t";
    std::string_view line = head.substr(2, head.find('\n') - 2);
    const std::size_t begin = line.find_first_not_of(kBlanks);
    if (begin == std::string_view::npos) return false;
    line.remove_prefix(begin);
    const std::size_t end = line.find_first_of(kBlanks);
    interpreter = line.substr(0, end);
    if (end == std::string_view::npos) return true;
    line.remove_prefix(end);
    const std::size_t more = line.find_first_not_of(kBlanks);
    if (more == std::string_view::npos) return true;
    argument = line.substr(more, line.find_last_not_of(kBlanks) + 1 - more);
    return true;
}

// Puts the interpreters of scripts before the arguments, until the file is none.
std::int64_t resolve_scripts(ExecRequest& request) {
    for (int i = 0;; i++) {
        char head[kScriptHead];
        const std::int64_t size = request.file->read({reinterpret_cast<Address>(head), sizeof(head)}, 0);
        if (size < 0) return size;
        const std::string_view text{head, static_cast<std::size_t>(size)};
        if (!text.starts_with("#!")) return 0;
        if (i == kMostScripts) return -ELOOP;
        std::string interpreter, argument;
        if (!parse_script(text, interpreter, argument)) return -ENOEXEC;
        auto opened = open_executable(interpreter);
        if (!opened.ok()) return opened.error();
        request.file = opened.take();
        std::vector<std::string> before{std::move(interpreter)};
        if (!argument.empty()) before.push_back(std::move(argument));
        before.push_back(request.path);
        if (!request.arguments.empty()) request.arguments.erase(request.arguments.begin());
        request.arguments.insert(request.arguments.begin(), before.begin(), before.end());
    }
}

// A program and its interpreter, read but not mapped.
struct Loaded {
    ElfImage program, interpreter;
    Ref<OpenFile> interpreter_file;
    std::string name;  // how /proc/self/exe calls it
};

// Free of links; before a host's root the host says what it is.
std::string name_of(const ExecRequest& request) {
    const OpenFile& file = *request.file;
    std::string name;
    if (system().names.host_only() && file.host_fd() >= 0 && host_path_of(file, name) == 0) return name;
    return file.name().empty() ? request.path : file.name();
}

std::int64_t read_images(const ExecRequest& request, Loaded& loaded) {
    if (const std::int64_t error = loaded.program.read(*request.file); error != 0) return error;
    loaded.name = name_of(request);
    if (loaded.program.interpreter().empty()) return 0;
    auto opened = open_executable(loaded.program.interpreter());
    if (!opened.ok()) return opened.error();
    loaded.interpreter_file = opened.take();
    const std::int64_t error = loaded.interpreter.read(*loaded.interpreter_file);
    if (error == -ENOEXEC || (error == 0 && !loaded.interpreter.position_independent())) return -ELIBBAD;
    return error;
}

bool map_images(const ExecRequest& request, const Loaded& loaded, Memory& memory, ProgramImage& image) {
    const std::uint64_t base =
        loaded.program.position_independent() ? abi::kStaticPieBase - loaded.program.span_begin() : 0;
    if (loaded.program.map(memory, *request.file, base) != 0) return false;
    image.entry = image.start = base + loaded.program.entry();
    image.header_count = loaded.program.header_count();
    image.headers = loaded.program.headers_address() == 0 ? 0 : base + loaded.program.headers_address();
    memory.start_heap(base + loaded.program.end());
    if (!loaded.interpreter_file) return true;
    // Where a mapping of that size would go.
    const std::int64_t at = memory.map(0, loaded.interpreter.span_size(), PROT_NONE,
                                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, nullptr, 0);
    if (at < 0) return false;
    const std::uint64_t interpreter_base = static_cast<std::uint64_t>(at) - loaded.interpreter.span_begin();
    if (loaded.interpreter.map(memory, *loaded.interpreter_file, interpreter_base) != 0) return false;
    image.interpreter_base = interpreter_base;
    image.start = interpreter_base + loaded.interpreter.entry();
    return true;
}

// What the program that was there leaves to the next: descriptors that stay open, ignored signals,
// the mask, what waits.
void forget_program(Process& process, const std::string& name) {
    Thread& thread = this_thread();
    system().threads.lead(process);
    process.files = make_ref<Descriptors>(*process.files);
    for (std::uint64_t fd = 0; fd < process.files->size(); fd++) {
        if (process.files->find(fd) != nullptr && process.files->close_on_exec(fd))
            close_descriptor(process, fd);
    }
    process.signals.own_actions();
    process.signals.clear_handlers();
    process.timers.remove_made();
    process.signals.pending().forget_timers();
    thread.signals.pending().forget_timers();
    thread.signals.stack() = {0, SS_DISABLE, 0, 0};
    thread.robust_list = thread.clear_child_id = 0;
    thread.name = base_name(name).substr(0, 15);
    process.has_executed = true;
    process.begin_program();
}

void clear_registers() {
    asm volatile("wrfsbase %0" ::"r"(0ull));
    VectorState state{};
    constexpr std::uint32_t kMxcsr = 0x1f80;
    std::memcpy(state.bytes + 24, &kMxcsr, sizeof(kMxcsr));  // SDM vol. 1, table 10-2
    state.restore();
}

std::vector<std::string_view> views(const std::vector<std::string>& texts) {
    return {texts.begin(), texts.end()};
}

// Beyond the point of no return. False: no memory, or the file is not what it was.
bool begin_program(const ExecRequest& request, const Loaded& loaded, std::uint64_t space,
                   abi::Registers& registers) {
    Process& process = runtime::process();
    Thread& thread = this_thread();
    release_robust_list(thread);
    clear_child_id(thread);
    const TimeData time = *time_data();
    const Ref<Memory> before = process.memory;
    process.memory = make_ref<Memory>(before->limit(), 0);
    kernel_call(abi::Call::kEnterSpace, space);
    before->write_back({0, ~0ull});
    release_vfork_parent(process);
    forget_program(process, request.path);
    process.executable = loaded.name;
    process.interpreter = loaded.program.interpreter();

    const std::uint64_t vdso = place_vdso(*process.memory);
    if (vdso == 0) return false;
    *time_data() = time;
    ProgramImage image;
    if (!map_images(request, loaded, *process.memory, image)) return false;
    const ProgramArguments given{views(request.arguments), views(request.environment), request.path};
    return build_stack(process, image, given, vdso, registers);
}

}  // namespace

Opened open_executable(const Place& place) {
    struct stat info;
    if (const std::int64_t error = place.files->stat(place, 0, info); error != 0) return failed(error);
    if (!S_ISREG(info.st_mode) || !(info.st_mode & 0111)) return failed(-EACCES);
    if (const std::int64_t error = place.files->access(place, X_OK, 0); error != 0) return failed(error);
    return place.files->open(place, O_RDONLY, 0);
}

Opened open_executable(const std::string& path) {
    Place place;
    if (const std::int64_t error = system().names.resolve(nullptr, path, true, place); error != 0)
        return failed(error);
    return open_executable(place);
}

std::int64_t execute(ExecRequest request) {
    abi::Registers registers;
    {
        if (const std::int64_t error = resolve_scripts(request); error != 0) return error;
        Loaded loaded;
        if (const std::int64_t error = read_images(request, loaded); error != 0) return error;
        const std::int64_t space = kernel_call(abi::Call::kForkSpace);
        if (space < 0) return -ENOMEM;
        if (!become_only_thread()) {
            kernel_call(abi::Call::kDropSpace, static_cast<std::uint64_t>(space));
            return -EAGAIN;  // nobody sees it: the thread ends
        }
        // Nothing that it reads from here on may be cut short by a signal: those wait.
        const std::uint64_t mask = request.unblocks ? 0 : this_thread().signals.mask();
        set_signal_mask(~0ull);
        if (!begin_program(request, loaded, static_cast<std::uint64_t>(space), registers))
            exit_process(SIGKILL);
        set_signal_mask(mask);
        request = {};
    }
    clear_registers();
    deliver_signals(registers);
    runtime_lock.unlock();
    resume_program(registers);
}

}  // namespace enclavisor::runtime
