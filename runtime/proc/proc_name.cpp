#include "runtime/proc/proc_name.hpp"

#include <charconv>

#include "runtime/files/path.hpp"
#include "runtime/support/text.hpp"
#include "runtime/system.hpp"

namespace enclavisor::runtime {

std::optional<std::uint32_t> parse_number(std::string_view text) {
    std::uint32_t number;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

std::optional<ProcName> parse_proc_name(std::string_view path) {
    constexpr std::string_view kFolder = "/proc/", kTask = "task/";
    if (!path.starts_with(kFolder)) return std::nullopt;
    path.remove_prefix(kFolder.size());
    const std::string_view first = take_part(path);
    ProcName name;
    std::uint32_t wanted = 0;  // a thread; 0: none in particular
    if (first == "self" || first == "thread-self") {
        name.process = &process();
    } else if (const auto number = parse_number(first)) {
        name.process = system().processes.find(*number);
        // As on Linux, a thread is there under its own number too, though not listed.
        const Thread* thread = system().threads.find(*number);
        if (name.process == nullptr && thread != nullptr) {
            name.process = thread->process;
            wanted = *number;
        }
    } else {
        return std::nullopt;
    }
    if (name.process == nullptr) return name;
    name.thread = name.process->leader;
    name.folder = join(kFolder, name.process->pid);
    if (first == "thread-self") {
        wanted = this_thread().id;
    } else if (path.starts_with(kTask)) {
        path.remove_prefix(kTask.size());
        const auto number = parse_number(take_part(path));
        wanted = number.value_or(0);
        if (wanted == 0) name.process = nullptr;
    }
    if (wanted != 0) {
        name.of_thread = true;
        name.folder += join("/task/", wanted);
        if (name.thread == nullptr || wanted != name.process->pid) {
            name.thread = system().threads.find(wanted);
            if (name.thread == nullptr || name.thread->process != name.process) name.process = nullptr;
        }
    }
    name.rest = path;
    return name;
}

std::string canonical_proc_name(std::string_view path) {
    const auto name = parse_proc_name(path);
    if (!name || name->process == nullptr) return std::string{path};
    return name->rest.empty() ? name->folder : join(name->folder, "/", name->rest);
}

}  // namespace enclavisor::runtime
