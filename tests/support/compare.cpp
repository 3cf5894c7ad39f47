#include "tests/support/compare.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <sstream>

#include "tests/support/machines.hpp"
#include "tests/support/temp_dir.hpp"

namespace enclavisor::tests {

namespace fs = std::filesystem;

std::vector<std::string> program_environment() {
    return {"PATH=/usr/bin:/bin", "HOME=/nonexistent",  "LC_ALL=C",    "TZ=UTC",
            "FIXED=value",        "TOUR_A=with spaces", "TOUR_EMPTY=", "TOUR_LONG=" + std::string(5000, 'l')};
}

std::vector<std::string> in_enclave(host::Platform platform, const std::vector<std::string>& arguments) {
    std::vector<std::string> command{enclavisor_command(), "run", "--platform",
                                     host::platform_name(platform)};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return command;
}

std::string describe_tree(const fs::path& root) {
    std::vector<std::string> lines;
    for (const auto& entry : fs::recursive_directory_iterator{root}) {
        std::ostringstream line;
        const auto status = entry.symlink_status();
        line << entry.path().lexically_relative(root).string() << ' ' << static_cast<int>(status.type())
             << ' ' << std::oct << static_cast<unsigned>(status.permissions()) << std::dec;
        if (entry.is_symlink()) {
            line << " -> " << fs::read_symlink(entry.path()).string();
        } else if (entry.is_regular_file()) {
            const std::string content = read_file(entry.path());
            line << ' ' << content.size() << ' ' << std::hash<std::string>{}(content) << " links "
                 << entry.hard_link_count();
        }
        lines.push_back(line.str());
    }
    std::sort(lines.begin(), lines.end());
    std::string all;
    for (const auto& line : lines) all += line + "\n";
    return all;
}

namespace {

// What the command says itself begins with its name; the rest is the program's.
std::string without_own_lines(const std::string& text) {
    std::istringstream lines{text};
    std::string line, kept;
    while (std::getline(lines, line)) {
        if (line.rfind("enclavisor: ", 0) == 0) continue;
        kept += line + (lines.eof() ? "" : "\n");
    }
    return kept;
}

}  // namespace

RunResult expect_same(host::Platform platform, const Comparison& comparison) {
    const TempDir temp;
    const fs::path directory = temp / "work";
    RunOptions options;
    options.directory = directory;
    options.environment = program_environment();
    options.timeout = comparison.timeout;
    if (!comparison.standard_input.empty()) options.standard_input = directory / comparison.standard_input;
    const auto prepare = [&] {
        fs::create_directory(directory);
        if (comparison.prepare) comparison.prepare(directory);
    };

    prepare();
    const RunResult native = run(comparison.arguments, options);
    const std::string native_tree = describe_tree(directory);
    fs::remove_all(directory);
    EXPECT_FALSE(native.timed_out);
    EXPECT_LT(native.status, 125) << "the native run failed: " << native.err;

    prepare();
    const RunResult enclave = run(in_enclave(platform, comparison.arguments), options);
    EXPECT_FALSE(enclave.timed_out) << "out so far: " << enclave.out.substr(0, 2000)
                                    << "\nerr: " << enclave.err;
    EXPECT_EQ(enclave.status, native.status) << enclave.err;
    EXPECT_EQ(enclave.out, native.out);
    EXPECT_EQ(without_own_lines(enclave.err), native.err);
    if (comparison.compare_files) {
        EXPECT_EQ(describe_tree(directory), native_tree);
    }
    if (comparison.inspect) comparison.inspect(directory);
    return enclave;
}

}  // namespace enclavisor::tests
