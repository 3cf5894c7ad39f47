#include "host/lib/manifest.hpp"

#define TOML_EXCEPTIONS 0
#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <filesystem>

#include "abi/host/control.hpp"
#include "abi/host/io_area.hpp"
#include "abi/platform/layout.hpp"
#include "host/lib/text.hpp"
#include "host/lib/toml_guard.hpp"

namespace enclavisor::host {
namespace {

constexpr std::size_t kLongestManifest = 1 << 20;

template <typename T>
using Read = base::Result<T, ManifestMistake>;

TextPosition position(const toml::source_region& region) {
    return {region.begin.line, region.begin.column};
}

// Where something stands and what it is called, for messages.
struct Place {
    toml::source_region region;
    std::string key;

    base::Failure<ManifestMistake> error(std::string cause, std::string cure) const {
        return {{position(region), std::move(cause), std::move(cure)}};
    }
    base::Failure<ManifestMistake> wrong_type(const char* wanted) const {
        return error(fmt::format("'{}' has the wrong type", key), fmt::format("give {}", wanted));
    }
};

Read<std::string> to_string(const toml::node& node, const Place& place) {
    const auto value = node.value_exact<std::string>();
    if (!value) return place.wrong_type("a string in quotes");
    if (value->find('\0') != std::string::npos) {
        return place.error(fmt::format("'{}' contains a zero byte", place.key), "remove it");
    }
    return *value;
}

Read<bool> to_bool(const toml::node& node, const Place& place) {
    const auto value = node.value_exact<bool>();
    if (!value) return place.wrong_type("true or false");
    return *value;
}

Read<std::uint64_t> to_number(const toml::node& node, const Place& place, std::int64_t most) {
    const auto value = node.value_exact<std::int64_t>();
    if (!value || *value < 0 || *value > most)
        return place.wrong_type(fmt::format("a number from 0 to {}", most).c_str());
    return static_cast<std::uint64_t>(*value);
}

Read<std::uint64_t> to_size(const toml::node& node, const Place& place) {
    const auto value = node.value_exact<std::string>();
    const auto size = value ? parse_size(*value) : std::nullopt;
    if (!size || *size == 0 || *size > (1ull << 46))
        return place.wrong_type("a size such as \"256M\" or \"1G\"");
    return (*size + abi::kPageSize - 1) / abi::kPageSize * abi::kPageSize;
}

Read<std::vector<std::string>> to_strings(const toml::node& node, const Place& place) {
    const toml::array* array = node.as_array();
    if (array == nullptr) return place.wrong_type("a list of strings");
    std::vector<std::string> strings;
    for (const toml::node& element : *array) {
        strings.push_back(TRY(to_string(element, {element.source(), place.key})));
    }
    return strings;
}

// A host path, with or without "file:".
Read<std::string> to_host_path(const toml::node& node, const Place& place) {
    std::string text = TRY(to_string(node, place));
    if (text.starts_with("file:")) text.erase(0, 5);
    if (text.empty()) return place.error(fmt::format("'{}' is empty", place.key), "give a path");
    if (text.find("://") != std::string::npos) {
        return place.error(fmt::format("'{}' is not a file", place.key), "only file: is supported");
    }
    return text;
}

Read<std::string> to_enclave_path(const toml::node& node, const Place& place) {
    const std::string text = TRY(to_string(node, place));
    if (!text.starts_with('/')) {
        return place.error(fmt::format("'{}' is not an absolute path", place.key), "begin it with /");
    }
    std::string normal = std::filesystem::path{text}.lexically_normal().generic_string();
    while (normal.size() > 1 && normal.ends_with('/')) normal.pop_back();
    if (normal.starts_with("//")) normal.erase(0, 1);
    return normal;
}

Read<abi::MountType> to_mount_type(const toml::node& node, const Place& place) {
    static const std::vector<std::string> kNames{"trusted", "tmpfs", "insecure__passthrough"};
    const std::string text = TRY(to_string(node, place));
    for (std::size_t i = 0; i < kNames.size(); i++) {
        if (text == kNames[i]) return static_cast<abi::MountType>(i + 1);
    }
    const auto near = did_you_mean(text, kNames);
    return place.error(
        fmt::format("there is no mount type '{}'", text),
        near ? fmt::format("did you mean {}?", *near) : "use trusted, tmpfs or insecure__passthrough");
}

class Reader {
public:
    Reader(Manifest& manifest, std::vector<ManifestMistake>& mistakes)
        : manifest_{manifest}, mistakes_{mistakes} {}

    void read(const toml::table& table, const std::string& prefix);
    void finish();

private:
    using Handler = Read<void> (Reader::*)(const toml::node&, const Place&);
    struct Key {
        const char* path;
        Handler handler;
    };
    static const std::vector<Key>& keys();

    // What follows a mistake is read all the same.
    template <typename T>
    bool keep(const Read<T>& result) {
        if (!result.ok()) mistakes_.push_back(result.error());
        return result.ok();
    }
    void remember(const std::string& key, const Place& place) {
        manifest_.places.emplace(key, position(place.region));
    }

    Read<void> unknown(const Place& place, const std::vector<std::string>& known) const {
        const auto near = did_you_mean(place.key, known);
        if (place.key == "sgx" || place.key.starts_with("sgx."))
            return place.error(fmt::format("'{}' is about SGX", place.key), "remove it");
        return place.error(
            fmt::format("unknown key '{}'", place.key),
            near ? fmt::format("did you mean '{}'?", *near) : "see docs/manifest.md for the keys");
    }

    Read<void> entrypoint(const toml::node& node, const Place& place) {
        manifest_.entrypoint = TRY(to_host_path(node, place));
        return {};
    }
    Read<void> argv(const toml::node& node, const Place& place) {
        manifest_.argv = TRY(to_strings(node, place));
        return {};
    }
    Read<void> env(const toml::node& node, const Place& place);
    Read<void> host_argv(const toml::node& node, const Place& place) {
        manifest_.host_arguments = TRY(to_bool(node, place));
        return {};
    }
    Read<void> host_env(const toml::node& node, const Place& place) {
        manifest_.host_environment = TRY(to_bool(node, place));
        return {};
    }
    Read<void> host_identity(const toml::node& node, const Place& place) {
        manifest_.host_identity = TRY(to_bool(node, place));
        return {};
    }
    Read<void> uid(const toml::node& node, const Place& place) {
        manifest_.uid = TRY(to_number(node, place, 0xffff'fffe));
        return {};
    }
    Read<void> gid(const toml::node& node, const Place& place) {
        manifest_.gid = TRY(to_number(node, place, 0xffff'fffe));
        return {};
    }
    Read<void> memory_limit(const toml::node& node, const Place& place) {
        manifest_.memory_limit = TRY(to_size(node, place));
        return {};
    }
    Read<void> stack_size(const toml::node& node, const Place& place) {
        manifest_.stack_size = TRY(to_size(node, place));
        return {};
    }
    Read<void> freeze(const toml::node& node, const Place& place) {
        const std::string when = TRY(to_string(node, place));
        if (when != "input")
            return place.error(fmt::format("there is no point '{}' to freeze at", when),
                               "write \"input\": when the program first reads its standard input");
        manifest_.freeze_at_input = true;
        return {};
    }
    Read<void> threads(const toml::node& node, const Place& place) {
        manifest_.threads = TRY(to_number(node, place, static_cast<std::int64_t>(abi::kMaxIoAreas)));
        if (manifest_.threads == 0)
            return place.error("an enclave without threads is none", "enclave.threads is at least 1");
        return {};
    }
    Read<void> members(const toml::node& node, const Place& place) {
        manifest_.group_members = TRY(to_strings(node, place));
        if (manifest_.group_members.empty() || manifest_.group_members.size() > abi::kMaxGroupMembers) {
            return place.error("a group has 1 to 6 members",
                               "name their manifests: members = [\"a.toml\", ...]");
        }
        return {};
    }
    Read<void> debug(const toml::node& node, const Place& place) {
        if (TRY(to_bool(node, place))) {
            return place.error("debug enclaves do not exist yet",
                               "set enclave.debug = false or leave it out");
        }
        return {};
    }
    Read<void> exec(const toml::node& node, const Place& place);
    Read<void> mounts(const toml::node& node, const Place& place);
    Read<ManifestMount> mount(const toml::node& node, const Place& place);

    Manifest& manifest_;
    std::vector<ManifestMistake>& mistakes_;
};

const std::vector<Reader::Key>& Reader::keys() {
    static const std::vector<Key> kKeys{
        {"entrypoint", &Reader::entrypoint},
        {"loader.entrypoint", &Reader::entrypoint},
        {"enclave.entrypoint", &Reader::entrypoint},
        {"libos.entrypoint", &Reader::entrypoint},
        {"argv", &Reader::argv},
        {"loader.argv", &Reader::argv},
        {"enclave.argv", &Reader::argv},
        {"env", &Reader::env},
        {"loader.env", &Reader::env},
        {"enclave.env", &Reader::env},
        {"insecure__use_host_argv", &Reader::host_argv},
        {"loader.insecure__use_host_argv", &Reader::host_argv},
        {"loader.insecure__use_cmdline_argv", &Reader::host_argv},
        {"insecure__use_host_env", &Reader::host_env},
        {"loader.insecure__use_host_env", &Reader::host_env},
        {"insecure__use_host_identity", &Reader::host_identity},
        {"loader.insecure__use_host_identity", &Reader::host_identity},
        {"loader.uid", &Reader::uid},
        {"loader.gid", &Reader::gid},
        {"enclave.memory_limit", &Reader::memory_limit},
        {"enclave.stack_size", &Reader::stack_size},
        {"enclave.freeze", &Reader::freeze},
        {"enclave.threads", &Reader::threads},
        {"enclave.debug", &Reader::debug},
        {"exec.allow", &Reader::exec},
        {"fs.mounts", &Reader::mounts},
        {"group.members", &Reader::members},
    };
    return kKeys;
}

// In the order of the file (toml++ sorts by name), so that the first mistake is
// the one that is reported.
void Reader::read(const toml::table& table, const std::string& prefix) {
    std::vector<std::pair<const toml::key*, const toml::node*>> entries;
    for (auto&& [key, node] : table) entries.emplace_back(&key, &node);
    std::stable_sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) {
        const auto& left = a.first->source().begin;
        const auto& right = b.first->source().begin;
        return std::pair{left.line, left.column} < std::pair{right.line, right.column};
    });
    for (const auto& [key, node_pointer] : entries) {
        const toml::node& node = *node_pointer;
        const Place place{key->source(), prefix + std::string{key->str()}};
        const std::string inner = place.key + ".";
        bool leads_on = false;
        Handler handler = nullptr;
        std::vector<std::string> known;
        for (const Key& candidate : keys()) {
            known.emplace_back(candidate.path);
            if (place.key == candidate.path) handler = candidate.handler;
            leads_on = leads_on || known.back().starts_with(inner);
        }
        if (handler != nullptr) {
            // "loader.argv" and "enclave.argv" are "argv".
            remember(place.key.substr(place.key.rfind('.') + 1), place);
            keep((this->*handler)(node, place));
        } else if (!leads_on) {
            keep(unknown(place, known));
        } else if (const toml::table* below = node.as_table()) {
            read(*below, inner);
        } else {
            keep(Read<void>{place.wrong_type("a table")});
        }
    }
}

Read<void> Reader::env(const toml::node& node, const Place& place) {
    const toml::table* table = node.as_table();
    if (table == nullptr) return place.wrong_type("a table of NAME = \"value\"");
    for (auto&& [key, value] : *table) {
        const std::string name{key.str()};
        const Place at{key.source(), place.key + "." + name};
        remember("env." + name, at);
        if (name.empty() || name.find_first_of(std::string_view{"=\0", 2}) != std::string::npos) {
            return at.error("this cannot be the name of an environment variable", "rename it");
        }
        if (const toml::table* details = value.as_table()) {
            for (auto&& [detail, setting] : *details) {
                const Place inner{detail.source(), at.key + "." + std::string{detail.str()}};
                if (detail.str() != "passthrough") return unknown(inner, {at.key + ".passthrough"});
                if (TRY(to_bool(setting, inner))) manifest_.environment_from_host.push_back(name);
            }
        } else {
            manifest_.environment.push_back(name + "=" + TRY(to_string(value, at)));
        }
    }
    return {};
}

Read<void> Reader::exec(const toml::node& node, const Place& place) {
    constexpr const char* kWanted = "a list of programs, each \"/path\" or [\"/path\", \"argument\", ...]";
    const toml::array* array = node.as_array();
    if (array == nullptr) return place.wrong_type(kWanted);
    for (const toml::node& element : *array) {
        const Place at{element.source(), place.key};
        const toml::array* words = element.as_array();
        if (words == nullptr && !element.is_string()) return at.wrong_type(kWanted);
        if (words != nullptr && words->empty()) return at.wrong_type(kWanted);
        MayExecute allowed;
        allowed.is_fixed = words != nullptr;
        if (words != nullptr) allowed.words = TRY(to_strings(element, at));
        allowed.words.resize(std::max<std::size_t>(allowed.words.size(), 1));
        allowed.words[0] = TRY(to_enclave_path(words != nullptr ? *words->get(0) : element, at));
        manifest_.may_execute.push_back(std::move(allowed));
    }
    return {};
}

Read<void> Reader::mounts(const toml::node& node, const Place& place) {
    const toml::array* array = node.as_array();
    if (array == nullptr) return place.wrong_type("tables: write [[fs.mounts]] before each");
    for (const toml::node& element : *array) {
        if (auto mount = this->mount(element, {element.source(), place.key}); keep(mount))
            manifest_.mounts.push_back(mount.take());
    }
    return {};
}

Read<ManifestMount> Reader::mount(const toml::node& element, const Place& place) {
    const toml::table* table = element.as_table();
    if (table == nullptr) return place.wrong_type("a table");
    ManifestMount mount;
    mount.at = position(place.region);
    bool has_type = false;
    for (auto&& [key, node] : *table) {
        const std::string name{key.str()};
        const Place inner{key.source(), "fs.mounts." + name};
        if (name == "type") {
            mount.type = TRY(to_mount_type(node, inner));
            has_type = true;
        } else if (name == "path") {
            mount.path = TRY(to_enclave_path(node, inner));
        } else if (name == "uri") {
            mount.uri = TRY(to_host_path(node, inner));
        } else {
            TRY(unknown(inner, {"fs.mounts.type", "fs.mounts.path", "fs.mounts.uri"}));
        }
    }
    if (!has_type) {
        return place.error("the mount has no type",
                           "add type = \"trusted\", \"tmpfs\" or \"insecure__passthrough\"");
    }
    if (mount.path.empty()) return place.error("the mount has no path", "add path = \"/...\"");
    const bool wants_uri = mount.type != abi::MountType::kTmpfs;
    if (wants_uri && mount.uri.empty()) return place.error("the mount has no uri", "add uri = \"file:...\"");
    if (!wants_uri && !mount.uri.empty()) return place.error("a tmpfs has no uri", "remove the uri");
    for (const ManifestMount& other : manifest_.mounts) {
        if (other.path == mount.path)
            return place.error(fmt::format("{} is mounted twice", mount.path), "remove one of the mounts");
    }
    return mount;
}

void Reader::finish() {
    const auto mistake = [this](const char* key, std::string cause, const char* cure) {
        const auto place = manifest_.places.find(key);
        mistakes_.push_back(
            {place == manifest_.places.end() ? TextPosition{} : place->second, std::move(cause), cure});
    };
    if (!manifest_.group_members.empty()) {
        if (manifest_.entrypoint.empty() && manifest_.mounts.empty() && manifest_.argv.empty()) return;
        return mistake("members", "a group's manifest says nothing but its members",
                       "put the rest into the members' manifests");
    }
    if (manifest_.places.count("entrypoint") == 0 && manifest_.places.count("members") == 0)
        mistake("", "no entrypoint", "add entrypoint = \"file:PROGRAM\"");
    for (const MayExecute& allowed : manifest_.may_execute) {
        const ManifestMount* best = nullptr;
        for (const ManifestMount& mount : manifest_.mounts) {
            const std::string below = mount.path == "/" ? "/" : mount.path + "/";
            const bool covers = allowed.words[0] == mount.path || allowed.words[0].starts_with(below);
            if (covers && (best == nullptr || mount.path.size() > best->path.size())) best = &mount;
        }
        if (best == nullptr || best->type != abi::MountType::kTrusted) {
            mistake("allow", fmt::format("'{}' is not in a trusted mount", allowed.words[0]),
                    "give it one: what the host may start must be measured");
        }
    }
    if (manifest_.host_arguments && !manifest_.argv.empty())
        mistake("argv", "both argv and insecure__use_host_argv are given", "remove one of them");
    std::sort(manifest_.environment.begin(), manifest_.environment.end());
    std::sort(manifest_.environment_from_host.begin(), manifest_.environment_from_host.end());
}

ManifestMistake syntax_mistake(const toml::parse_result& parsed) {
    return {position(parsed.error().source()), std::string{parsed.error().description()}, "correct the TOML"};
}

}  // namespace

Manifest read_manifest(std::string_view text, std::vector<ManifestMistake>& mistakes) {
    Manifest manifest;
    const auto refuse = [&](ManifestMistake mistake) {
        mistakes.push_back(std::move(mistake));
        return manifest;
    };
    if (text.size() > kLongestManifest) return refuse({{}, "is too long for a manifest", "shorten it"});
    const std::string shape = ascii_shape(text);
    if (const auto parsed = toml::parse(shape); !parsed) return refuse(syntax_mistake(parsed));
    if (const auto stray = find_stray_character(text))
        return refuse({*stray, "a character beyond ASCII outside quotes", "put it into quotes"});
    const toml::parse_result parsed = toml::parse(text);
    if (!parsed) return refuse(syntax_mistake(parsed));
    Reader reader{manifest, mistakes};
    reader.read(parsed.table(), "");
    reader.finish();
    return manifest;
}

Result<Manifest> parse_manifest(std::string_view text, const std::string& name) {
    std::vector<ManifestMistake> mistakes;
    Manifest manifest = read_manifest(text, mistakes);
    if (mistakes.empty()) return manifest;
    const ManifestMistake& first = mistakes.front();
    const std::string place = first.at.line == 0 ? "" : fmt::format(":{}:{}", first.at.line, first.at.column);
    return fail(fmt::format("{}{}: {}", name, place, first.cause), first.cure);
}

}  // namespace enclavisor::host
