// The rows of the table of figures, and which figure of each world stands in them.
#pragma once

#include <string>
#include <vector>

namespace enclavisor::bench {

inline constexpr const char* kInstructions = "guest instructions";
inline constexpr const char* kHostInstructions = "host instructions";
inline constexpr const char* kNanoseconds = "ns";
inline constexpr const char* kPerSecond = "requests/s";
inline constexpr const char* kServers = "Servers";  // the group of what is measured by turns
inline constexpr const char* kKib = "KiB";

struct Row {
    std::string group;
    std::string label;
    std::string enclave;  // a name in that world's figures; empty: it has no such thing
    std::string linux_guest;
    std::string unit = kInstructions;
    bool brief = false;       // also in the README and in the picture
    double aim = 0;           // at most, for the enclave; 0: none
    double aim_of_linux = 0;  // at most, as a part of the Linux guest's
    std::string note;
    double least_of_linux = 0;  // of a rate: at least, as times the Linux guest's
};

std::vector<Row> rows();

}  // namespace enclavisor::bench
