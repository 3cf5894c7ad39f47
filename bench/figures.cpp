#include "bench/figures.hpp"

#include <sstream>

namespace enclavisor::bench {

std::string read_figures(std::istream& lines, const std::string& program, Figures& figures) {
    std::string other;
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words{line};
        std::string name, rest;
        double value = 0;
        if (words >> name >> value && !(words >> rest)) {
            figures[program + "." + name] = value;
        } else if (!line.empty()) {
            other += (other.empty() ? "" : "; ") + line;
        }
    }
    return other;
}

}  // namespace enclavisor::bench
