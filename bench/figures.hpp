// What programs measured, by name: "PROGRAM.LINE" -> guest instructions (or KiB).
#pragma once

#include <istream>
#include <map>
#include <string>

namespace enclavisor::bench {

using Figures = std::map<std::string, double>;

// Reads the lines "NAME VALUE" that a program printed, as "PROGRAM.NAME". Returns
// what else it said, in one line.
std::string read_figures(std::istream& lines, const std::string& program, Figures& figures);

}  // namespace enclavisor::bench
