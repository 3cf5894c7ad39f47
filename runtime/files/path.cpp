#include "runtime/files/path.hpp"

namespace enclavisor::runtime {

std::string_view take_part(std::string_view& path) {
    const std::size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    path = slash == std::string_view::npos ? std::string_view{} : path.substr(slash + 1);
    return part;
}

std::string normalise(std::string_view base, std::string_view path) {
    std::string result;
    auto append = [&](std::string_view rest) {
        while (!rest.empty()) {
            const std::string_view part = take_part(rest);
            if (part.empty() || part == ".") continue;
            if (part == "..") {
                const std::size_t cut = result.rfind('/');
                result.resize(cut == std::string::npos ? 0 : cut);
                continue;
            }
            result += '/';
            result += part;
        }
    };
    if (path.empty() || path[0] != '/') append(base);
    append(path);
    if (result.empty()) result.push_back('/');
    return result;
}

bool path_within(std::string_view path, std::string_view directory) {
    if (directory == "/") return true;
    if (path.substr(0, directory.size()) != directory) return false;
    return path.size() == directory.size() || path[directory.size()] == '/';
}

std::string_view path_below(std::string_view path, std::string_view directory) {
    if (directory == "/") return path;
    return path.size() == directory.size() ? std::string_view{"/"} : path.substr(directory.size());
}

std::string_view base_name(std::string_view path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::string_view parent_path(std::string_view path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string_view::npos || slash == 0 ? std::string_view{"/"} : path.substr(0, slash);
}

}  // namespace enclavisor::runtime
