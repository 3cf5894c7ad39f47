// enclavisor trace: runs a program natively and writes a manifest for it.
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "host/cli/commands.hpp"
#include "host/lib/application.hpp"
#include "host/lib/file.hpp"
#include "host/lib/paths.hpp"
#include "host/lib/process.hpp"
#include "host/tools/trace_manifest.hpp"
#include "host/tools/tracer.hpp"

namespace enclavisor::host {
namespace {

namespace fs = std::filesystem;

// Where the manifest goes, which is checked before the program runs for nothing.
Result<fs::path> output_for(const TraceOptions& options, const std::string& program) {
    if (!options.output.empty()) {
        if (!is_manifest(options.output))
            return fail(options.output + " is not named like a manifest", "give -o FILE.toml");
        return fs::absolute(options.output);
    }
    const fs::path output = fs::absolute(fs::path{program}.filename().string() + ".toml");
    if (fs::exists(output)) {
        return fail(output.filename().string() + " is there already",
                    fmt::format("give -o {} to write over it", output.filename().string()));
    }
    return output;
}

}  // namespace

Result<int> trace_command(const TraceOptions& options) {
    if (options.program.empty())
        return fail("no program is given", "enclavisor trace PROGRAM; see enclavisor trace --help");
    const fs::path program = TRY(find_program(options.program.front()));
    const fs::path output = TRY(output_for(options, options.program.front()));
    TraceSurroundings surroundings;
    for (char** variable = environ; *variable != nullptr; variable++)
        surroundings.environment.emplace_back(*variable);
    surroundings.uid = ::getuid();
    surroundings.gid = ::getgid();

    Recording recording;
    Recorder recorder{recording};
    const TraceEnd end = TRY(trace_program(program.string(), options.program, recorder));
    const int exit_code = WIFSIGNALED(end.status) ? 128 + WTERMSIG(end.status) : WEXITSTATUS(end.status);
    if (recording.executable.empty()) {
        return fail(fmt::format("{} cannot be executed", program.string()),
                    "give an x86-64 Linux program, or a script that begins with #!", exit_code);
    }
    surroundings.peak_kib = end.peak_kib;
    const std::string text = TRY(write_manifest(recording, surroundings));
    TRY(write_file(output, text));
    for (const std::string& line : unanswered(recording))
        complain(fmt::format("not in an enclave: {}", line));
    if (exit_code != 0) {
        complain(fmt::format("{} {}: the manifest has what it used until then", options.program.front(),
                             describe_wait_status(end.status)));
    }
    if (!options.quiet) complain(fmt::format("wrote {}", output.string()));
    return exit_code;
}

}  // namespace enclavisor::host
