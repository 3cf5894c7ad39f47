// The `enclavisor` command, and how it complains.
#pragma once

#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

#include "tests/support/machines.hpp"
#include "tests/support/subprocess.hpp"

namespace enclavisor::tests {

inline RunResult command(const std::vector<std::string>& arguments, RunOptions options = {}) {
    std::vector<std::string> all{enclavisor_command()};
    all.insert(all.end(), arguments.begin(), arguments.end());
    options.inherit_environment = options.environment.empty();
    return run(all, options);
}

// The lines that complain, without the notice about insecure runs.
inline std::vector<std::string> complaints(const RunResult& result) {
    std::vector<std::string> lines;
    std::istringstream text{result.err};
    for (std::string line; std::getline(text, line);) {
        if (line.find("insecure: ") == std::string::npos) lines.push_back(line);
    }
    return lines;
}

// One line, with all of `words`, and that status.
inline void expect_complaint(const RunResult& result, int status, const std::vector<std::string>& words) {
    EXPECT_FALSE(result.timed_out);
    EXPECT_EQ(result.status, status) << result.err;
    EXPECT_EQ(result.out, "");
    const auto lines = complaints(result);
    ASSERT_EQ(lines.size(), 1u) << result.err;
    EXPECT_EQ(lines[0].rfind("enclavisor: ", 0), 0u) << lines[0];
    for (const auto& word : words)
        EXPECT_NE(lines[0].find(word), std::string::npos) << "no '" << word << "' in: " << lines[0];
    // Cause (cure).
    EXPECT_NE(lines[0].find(" ("), std::string::npos) << "no cure in: " << lines[0];
}

}  // namespace enclavisor::tests
