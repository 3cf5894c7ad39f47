#include "host/tools/check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "host/lib/application.hpp"
#include "host/lib/elf.hpp"
#include "host/lib/file.hpp"
#include "host/lib/libraries.hpp"
#include "host/lib/manifest.hpp"
#include "host/lib/paths.hpp"
#include "host/lib/text.hpp"
#include "host/tools/check_mounts.hpp"
#include "host/tools/enclave_view.hpp"

namespace enclavisor::host {
namespace {

namespace fs = std::filesystem;

// Variables that decide which code a program loads.
constexpr std::string_view kCodeVariables[] = {
    "BASH_ENV",   "ENV",          "GCONV_PATH", "GLIBC_TUNABLES", "LUA_CPATH",    "LUA_INIT", "LUA_PATH",
    "LOCPATH",    "NODE_OPTIONS", "NODE_PATH",  "PERL5LIB",       "PERL5OPT",     "PERL5DB",  "PATH",
    "PYTHONHOME", "PYTHONPATH",   "RUBYLIB",    "RUBYOPT",        "PYTHONSTARTUP"};

bool loads_code(std::string_view name) {
    return name.starts_with("LD_") ||
           std::find(std::begin(kCodeVariables), std::end(kCodeVariables), name) != std::end(kCodeVariables);
}

class Checker {
public:
    explicit Checker(const fs::path& path)
        : file_{path.string()}, folder_{fs::absolute(path).parent_path()} {}

    Result<std::vector<Finding>> check();

private:
    void error(TextPosition at, std::string what, std::string cure) {
        findings_.push_back({Finding::Weight::kError, file_, at, std::move(what), std::move(cure)});
    }
    void error(TextPosition at, const Error& error) { this->error(at, error.cause, error.cure); }
    void warning(TextPosition at, std::string what, std::string cure) {
        findings_.push_back({Finding::Weight::kWarning, file_, at, std::move(what), std::move(cure)});
    }
    TextPosition place(const std::string& key) const {
        const auto found = manifest_.places.find(key);
        return found == manifest_.places.end() ? TextPosition{} : found->second;
    }
    TextPosition place(const Mount& mount) const {
        return manifest_.mounts[static_cast<std::size_t>(&mount - configuration_.mounts.data())].at;
    }

    void members();
    void trust();
    void environment();
    void program();
    void libraries(const std::vector<std::byte>& program, const std::string& interpreter);
    void mounts();
    void sizes(std::uint64_t trusted_bytes);

    std::string file_;
    fs::path folder_;
    Manifest manifest_;
    Configuration configuration_;
    std::vector<Finding> findings_;
};

void Checker::members() {
    for (const std::string& member : manifest_.group_members) {
        const auto found = check_manifest(resolve_path(folder_, member));
        if (!found) {
            error(place("members"), found.error());
        } else {
            findings_.insert(findings_.end(), found.value().begin(), found.value().end());
        }
    }
}

void Checker::trust() {
    if (manifest_.host_arguments) {
        warning(place(manifest_.places.count("insecure__use_cmdline_argv") != 0 ? "insecure__use_cmdline_argv"
                                                                                : "insecure__use_host_argv"),
                "the host chooses the arguments, and with them all that the program's options can do",
                "write them into argv");
    }
    if (manifest_.host_identity) {
        warning(place("insecure__use_host_identity"),
                "the host chooses user and working directory: relative names mean what it wants",
                "use absolute paths, loader.uid and loader.gid");
    }
    for (const MayExecute& allowed : manifest_.may_execute) {
        if (allowed.is_fixed) continue;
        warning(place("allow"), fmt::format("the host chooses the arguments of {}", allowed.words[0]),
                "write them too: [\"PROGRAM\", \"ARGUMENT\", ...]");
    }
}

void Checker::environment() {
    if (manifest_.host_environment) {
        warning(place("insecure__use_host_env"),
                "the host chooses the whole environment, LD_PRELOAD and LD_LIBRARY_PATH too",
                "name the variables that the program needs: env.NAME = \"value\"");
        if (const auto at = place("env"); at.line != 0)
            warning(at, "env is not used: insecure__use_host_env stands in its place", "remove one of them");
    }
    for (const std::string& name : manifest_.environment_from_host) {
        if (!loads_code(name)) continue;
        warning(place("env." + name), fmt::format("by {} the host chooses which code is loaded", name),
                fmt::format("fix its value: env.{} = \"...\"", name));
    }
}

void Checker::program() {
    const fs::path path = resolve_path(folder_, manifest_.entrypoint);
    const auto bytes = read_file(path);
    if (!bytes) return error(place("entrypoint"), bytes.error());
    const auto elf = parse_elf(bytes.value(), path.string());
    if (!elf) return error(place("entrypoint"), elf.error());
    const std::string& interpreter = elf.value().interpreter;
    if (interpreter.empty()) return;
    if (const std::string source = host_path(configuration_.mounts, interpreter); !fs::exists(source)) {
        return error(place("entrypoint"), fmt::format("its interpreter {} does not exist", source),
                     "install the C library that the program was built for");
    }
    libraries(bytes.value(), interpreter);
}

void Checker::libraries(const std::vector<std::byte>& program, const std::string& interpreter) {
    const EnclaveView view{configuration_.mounts};
    LibrarySearch search;
    search.locate = [&view](const std::string& path) { return view.find(path).source; };
    for (const std::string& variable : configuration_.environment) {
        constexpr std::string_view kName = "LD_LIBRARY_PATH=";
        if (!variable.starts_with(kName)) continue;
        for (std::size_t begin = kName.size(); begin <= variable.size();) {
            const std::size_t end = std::min(variable.find(':', begin), variable.size());
            search.library_path.push_back(variable.substr(begin, end - begin));
            begin = end + 1;
        }
    }
    const Libraries seen = needed_libraries(program, configuration_.executable, interpreter, search);
    const Libraries here = needed_libraries(program, configuration_.executable, interpreter);
    for (const MissingLibrary& missing : seen.missing) {
        const auto found = std::find_if(here.paths.begin(), here.paths.end(), [&](const std::string& path) {
            return fs::path{path}.filename() == missing.name;
        });
        error(place("entrypoint"),
              fmt::format("{}, which {} needs, is not in the enclave", missing.name, missing.needed_by),
              found == here.paths.end()
                  ? "install it and add a trusted mount of it"
                  : fmt::format("add {{ type = \"trusted\", path = \"{0}\", uri = \"file:{0}\" }}", *found));
    }
    for (const std::string& path : seen.paths) {
        const EnclaveView::Seen library = view.find(path);
        if (library.mount == nullptr || library.mount->type != abi::MountType::kPassthrough) continue;
        warning(place(*library.mount), fmt::format("the library {} is the host's code, not measured", path),
                "add a trusted mount of it");
    }
}

void Checker::mounts() {
    std::uint64_t trusted_bytes = 0;
    for (const Mount& mount : configuration_.mounts) {
        const TextPosition at = place(mount);
        for (MountProblem& problem : mount_problems(mount, configuration_.mounts, trusted_bytes)) {
            findings_.push_back(
                {problem.weight, file_, at, std::move(problem.what), std::move(problem.cure)});
        }
    }
    sizes(trusted_bytes);
}

void Checker::sizes(std::uint64_t trusted_bytes) {
    const std::uint64_t limit = manifest_.memory_limit;
    const TextPosition at = place("memory_limit");
    if (manifest_.stack_size >= limit) {
        error(place("stack_size"),
              fmt::format("a stack of {} does not fit into the limit of {}",
                          format_size(manifest_.stack_size), format_size(limit)),
              "make it smaller, or enclave.memory_limit larger");
    }
    if (trusted_bytes > limit) {
        warning(
            at,
            fmt::format("the trusted files have {} bytes, more than the memory limit of {}: a program that "
                        "maps them all ends",
                        trusted_bytes, format_size(limit)),
            "raise enclave.memory_limit, or trust fewer files");
    }
}

Result<std::vector<Finding>> Checker::check() {
    const auto bytes = TRY(read_file(file_));
    std::vector<ManifestMistake> mistakes;
    manifest_ = read_manifest({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, mistakes);
    for (ManifestMistake& mistake : mistakes)
        error(mistake.at, std::move(mistake.cause), std::move(mistake.cure));
    if (!manifest_.group_members.empty()) {
        members();
        return std::move(findings_);
    }
    configuration_ = configuration_of(manifest_, folder_);
    trust();
    environment();
    mounts();
    if (!manifest_.entrypoint.empty()) program();
    const auto is_error = [](const Finding& f) { return f.weight == Finding::Weight::kError; };
    // What else stands in the way of building it, where there is a runtime to build with.
    if (find_runtime() && std::none_of(findings_.begin(), findings_.end(), is_error)) {
        if (const auto built = describe_manifest(file_); !built) error(place("entrypoint"), built.error());
    }
    std::stable_sort(findings_.begin(), findings_.end(), [](const Finding& a, const Finding& b) {
        return std::pair{a.at.line, a.at.column} < std::pair{b.at.line, b.at.column};
    });
    return std::move(findings_);
}

}  // namespace

std::string Finding::text() const {
    return fmt::format("{}:{}:{}: {}: {}; {}", file, std::max<std::size_t>(at.line, 1),
                       std::max<std::size_t>(at.column, 1), weight == Weight::kError ? "error" : "warning",
                       what, cure.empty() ? "correct it" : cure);
}

Result<std::vector<Finding>> check_manifest(const fs::path& path) {
    return Checker{path}.check();
}

}  // namespace enclavisor::host
