#include "host/lib/libraries.hpp"

#include <algorithm>
#include <cstring>
#include <deque>
#include <set>

#include "host/lib/elf_dynamic.hpp"
#include "host/lib/file.hpp"
#include "host/lib/library_cache.hpp"

namespace enclavisor::host {
namespace {

namespace fs = std::filesystem;

struct Object {
    std::string path;
    ElfDynamic dynamic;
    const Object* loader;  // that needs it; null: the program
};

std::vector<std::string> split(const std::string& list) {
    std::vector<std::string> parts;
    for (std::size_t begin = 0; begin <= list.size();) {
        const std::size_t end = std::min(list.find(':', begin), list.size());
        parts.push_back(list.substr(begin, end - begin));
        begin = end + 1;
    }
    return parts;
}

// The folders of an RPATH or RUNPATH; those that depend on the machine are left out.
void add_folders(std::vector<std::string>& folders, const std::string& list, const std::string& object) {
    if (list.empty()) return;
    for (std::string folder : split(list)) {
        for (const char* token : {"${ORIGIN}", "$ORIGIN"}) {
            const std::size_t at = folder.find(token);
            if (at == std::string::npos) continue;
            folder.replace(at, std::strlen(token), fs::path{object}.parent_path().string());
        }
        if (folder.starts_with('/') && folder.find('$') == std::string::npos) folders.push_back(folder);
    }
}

class Search {
public:
    explicit Search(const LibrarySearch& search) : search_{search} {
        if (auto cache = read_file(search.locate(search.cache))) cache_ = cache.take();
    }

    // The library that `needer` means by `name`; without a path if there is none.
    Object find(const std::string& name, const Object& needer) const {
        if (name.find('/') != std::string::npos) return open(name, needer);
        std::vector<std::string> folders;
        if (needer.dynamic.runpath.empty()) {
            for (const Object* o = &needer; o != nullptr; o = o->loader) {
                if (o->dynamic.runpath.empty()) add_folders(folders, o->dynamic.rpath, o->path);
            }
        }
        folders.insert(folders.end(), search_.library_path.begin(), search_.library_path.end());
        add_folders(folders, needer.dynamic.runpath, needer.path);
        for (const std::string& folder : folders) {
            if (Object found = open((fs::path{folder} / name).string(), needer); !found.path.empty())
                return found;
        }
        if (const std::string cached = find_in_cache(cache_, name); !cached.empty()) {
            if (Object found = open(cached, needer); !found.path.empty()) return found;
        }
        for (const std::string& folder : search_.folders) {
            if (Object found = open((fs::path{folder} / name).string(), needer); !found.path.empty())
                return found;
        }
        return {};
    }

private:
    Object open(const std::string& path, const Object& needer) const {
        if (!path.starts_with('/')) return {};
        const auto bytes = read_file(search_.locate(path));
        if (!bytes) return {};
        auto dynamic = parse_dynamic(bytes.value());
        return dynamic ? Object{path, std::move(*dynamic), &needer} : Object{};
    }

    const LibrarySearch& search_;
    std::vector<std::byte> cache_;
};

}  // namespace

Libraries needed_libraries(std::span<const std::byte> program, const std::string& path,
                           const std::string& interpreter, const LibrarySearch& options) {
    const auto dynamic = parse_dynamic(program);
    if (!dynamic) return {};
    const Search search{options};
    std::set<std::string> names{fs::path{interpreter}.filename(), interpreter};
    std::set<std::string> paths;
    std::vector<MissingLibrary> missing;
    std::deque<Object> objects{{path, *dynamic, nullptr}};  // grows, and nothing in it moves
    for (std::size_t i = 0; i < objects.size(); i++) {
        for (const std::string& name : objects[i].dynamic.needed) {
            if (!names.insert(name).second) continue;
            Object found = search.find(name, objects[i]);
            if (found.path.empty()) missing.push_back({name, objects[i].path});
            if (found.path.empty() || found.path == interpreter) continue;
            if (!found.dynamic.soname.empty()) names.insert(found.dynamic.soname);
            if (paths.insert(found.path).second) objects.push_back(std::move(found));
        }
    }
    return {{paths.begin(), paths.end()}, std::move(missing)};
}

}  // namespace enclavisor::host
