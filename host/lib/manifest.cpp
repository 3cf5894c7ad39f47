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

// Where something stands and what it is called, for messages.
struct Place {
    const std::string& file;
    toml::source_region region;
    std::string key;

    base::Failure<Error> error(const std::string& cause, std::string cure) const {
        return fail(fmt::format("{}:{}:{}: {}", file, region.begin.line, region.begin.column, cause),
                    std::move(cure));
    }
    base::Failure<Error> wrong_type(const char* wanted) const {
        return error(fmt::format("'{}' has the wrong type", key), fmt::format("give {}", wanted));
    }
};

Result<std::string> to_string(const toml::node& node, const Place& place) {
    const auto value = node.value_exact<std::string>();
    if (!value) return place.wrong_type("a string in quotes");
    if (value->find('\0') != std::string::npos) {
        return place.error(fmt::format("'{}' contains a zero byte", place.key), "remove it");
    }
    return *value;
}

Result<bool> to_bool(const toml::node& node, const Place& place) {
    const auto value = node.value_exact<bool>();
    if (!value) return place.wrong_type("true or false");
    return *value;
}

Result<std::uint64_t> to_number(const toml::node& node, const Place& place, std::int64_t most) {
    const auto value = node.value_exact<std::int64_t>();
    if (!value || *value < 0 || *value > most)
        return place.wrong_type(fmt::format("a number from 0 to {}", most).c_str());
    return static_cast<std::uint64_t>(*value);
}

Result<std::uint64_t> to_size(const toml::node& node, const Place& place) {
    const auto value = node.value_exact<std::string>();
    const auto size = value ? parse_size(*value) : std::nullopt;
    if (!size || *size == 0 || *size > (1ull << 46))
        return place.wrong_type("a size such as \"256M\" or \"1G\"");
    return (*size + abi::kPageSize - 1) / abi::kPageSize * abi::kPageSize;
}

Result<std::vector<std::string>> to_strings(const toml::node& node, const Place& place) {
    const toml::array* array = node.as_array();
    if (array == nullptr) return place.wrong_type("a list of strings");
    std::vector<std::string> strings;
    for (const toml::node& element : *array) {
        strings.push_back(TRY(to_string(element, {place.file, element.source(), place.key})));
    }
    return strings;
}

// A host path, with or without "file:".
Result<std::string> to_host_path(const toml::node& node, const Place& place) {
    std::string text = TRY(to_string(node, place));
    if (text.starts_with("file:")) text.erase(0, 5);
    if (text.empty()) return place.error(fmt::format("'{}' is empty", place.key), "give a path");
    if (text.find("://") != std::string::npos) {
        return place.error(fmt::format("'{}' is not a file", place.key), "only file: is supported");
    }
    return text;
}

Result<std::string> to_enclave_path(const toml::node& node, const Place& place) {
    const std::string text = TRY(to_string(node, place));
    if (!text.starts_with('/')) {
        return place.error(fmt::format("'{}' is not an absolute path", place.key), "begin it with /");
    }
    std::string normal = std::filesystem::path{text}.lexically_normal().generic_string();
    while (normal.size() > 1 && normal.ends_with('/')) normal.pop_back();
    if (normal.starts_with("//")) normal.erase(0, 1);
    return normal;
}

Result<abi::MountType> to_mount_type(const toml::node& node, const Place& place) {
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
    Reader(const std::string& file, Manifest& manifest) : file_{file}, manifest_{manifest} {}

    Result<void> read(const toml::table& table, const std::string& prefix);
    Result<void> finish();

private:
    using Handler = Result<void> (Reader::*)(const toml::node&, const Place&);
    struct Key {
        const char* path;
        Handler handler;
    };
    static const std::vector<Key>& keys();

    Result<void> unknown(const Place& place, const std::vector<std::string>& known) const {
        const auto near = did_you_mean(place.key, known);
        return place.error(
            fmt::format("unknown key '{}'", place.key),
            near ? fmt::format("did you mean '{}'?", *near) : "see docs/manifest.md for the keys");
    }

    Result<void> entrypoint(const toml::node& node, const Place& place) {
        manifest_.entrypoint = TRY(to_host_path(node, place));
        return {};
    }
    Result<void> argv(const toml::node& node, const Place& place) {
        manifest_.argv = TRY(to_strings(node, place));
        argv_place_ = place.region;
        return {};
    }
    Result<void> env(const toml::node& node, const Place& place);
    Result<void> host_argv(const toml::node& node, const Place& place) {
        manifest_.host_arguments = TRY(to_bool(node, place));
        return {};
    }
    Result<void> host_env(const toml::node& node, const Place& place) {
        manifest_.host_environment = TRY(to_bool(node, place));
        return {};
    }
    Result<void> host_identity(const toml::node& node, const Place& place) {
        manifest_.host_identity = TRY(to_bool(node, place));
        return {};
    }
    Result<void> uid(const toml::node& node, const Place& place) {
        manifest_.uid = TRY(to_number(node, place, 0xffff'fffe));
        return {};
    }
    Result<void> gid(const toml::node& node, const Place& place) {
        manifest_.gid = TRY(to_number(node, place, 0xffff'fffe));
        return {};
    }
    Result<void> memory_limit(const toml::node& node, const Place& place) {
        manifest_.memory_limit = TRY(to_size(node, place));
        return {};
    }
    Result<void> stack_size(const toml::node& node, const Place& place) {
        manifest_.stack_size = TRY(to_size(node, place));
        return {};
    }
    Result<void> freeze(const toml::node& node, const Place& place) {
        const std::string when = TRY(to_string(node, place));
        if (when != "input")
            return place.error(fmt::format("there is no point '{}' to freeze at", when),
                               "write \"input\": when the program first reads its standard input");
        manifest_.freeze_at_input = true;
        return {};
    }
    Result<void> threads(const toml::node& node, const Place& place) {
        manifest_.threads = TRY(to_number(node, place, static_cast<std::int64_t>(abi::kMaxIoAreas)));
        if (manifest_.threads == 0)
            return place.error("an enclave without threads is none", "enclave.threads is at least 1");
        return {};
    }
    Result<void> members(const toml::node& node, const Place& place) {
        manifest_.group_members = TRY(to_strings(node, place));
        members_place_ = place.region;
        if (manifest_.group_members.empty() || manifest_.group_members.size() > abi::kMaxGroupMembers) {
            return place.error("a group has 1 to 6 members",
                               "name their manifests: members = [\"a.toml\", ...]");
        }
        return {};
    }
    Result<void> debug(const toml::node& node, const Place& place) {
        if (TRY(to_bool(node, place))) {
            return place.error("debug enclaves do not exist yet",
                               "set enclave.debug = false or leave it out");
        }
        return {};
    }
    Result<void> mounts(const toml::node& node, const Place& place);
    Result<ManifestMount> mount(const toml::table& table);

    const std::string& file_;
    Manifest& manifest_;
    toml::source_region argv_place_, members_place_;
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
        {"fs.mounts", &Reader::mounts},
        {"group.members", &Reader::members},
    };
    return kKeys;
}

// In the order of the file (toml++ sorts by name), so that the first mistake is
// the one that is reported.
Result<void> Reader::read(const toml::table& table, const std::string& prefix) {
    std::vector<std::pair<const toml::key*, const toml::node*>> entries;
    for (auto&& [key, node] : table) entries.emplace_back(&key, &node);
    std::stable_sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) {
        const auto& left = a.first->source().begin;
        const auto& right = b.first->source().begin;
        return std::pair{left.line, left.column} < std::pair{right.line, right.column};
    });
    for (const auto& [key, node_pointer] : entries) {
        const toml::node& node = *node_pointer;
        const Place place{file_, key->source(), prefix + std::string{key->str()}};
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
            TRY((this->*handler)(node, place));
        } else if (!leads_on) {
            return unknown(place, known);
        } else if (const toml::table* below = node.as_table()) {
            TRY(read(*below, inner));
        } else {
            return place.wrong_type("a table");
        }
    }
    return {};
}

Result<void> Reader::env(const toml::node& node, const Place& place) {
    const toml::table* table = node.as_table();
    if (table == nullptr) return place.wrong_type("a table of NAME = \"value\"");
    for (auto&& [key, value] : *table) {
        const std::string name{key.str()};
        const Place at{file_, key.source(), place.key + "." + name};
        if (name.empty() || name.find_first_of(std::string_view{"=\0", 2}) != std::string::npos) {
            return at.error("this cannot be the name of an environment variable", "rename it");
        }
        if (const toml::table* details = value.as_table()) {
            for (auto&& [detail, setting] : *details) {
                const Place inner{file_, detail.source(), at.key + "." + std::string{detail.str()}};
                if (detail.str() != "passthrough") return unknown(inner, {at.key + ".passthrough"});
                if (TRY(to_bool(setting, inner))) manifest_.environment_from_host.push_back(name);
            }
        } else {
            manifest_.environment.push_back(name + "=" + TRY(to_string(value, at)));
        }
    }
    return {};
}

Result<void> Reader::mounts(const toml::node& node, const Place& place) {
    const toml::array* array = node.as_array();
    if (array == nullptr) return place.wrong_type("tables: write [[fs.mounts]] before each");
    for (const toml::node& element : *array) {
        const toml::table* table = element.as_table();
        if (table == nullptr) return Place{file_, element.source(), place.key}.wrong_type("a table");
        ManifestMount mount = TRY(this->mount(*table));
        for (const ManifestMount& other : manifest_.mounts) {
            if (other.path != mount.path) continue;
            return Place{file_, element.source(), place.key}.error(
                fmt::format("{} is mounted twice", mount.path), "remove one of the mounts");
        }
        manifest_.mounts.push_back(std::move(mount));
    }
    return {};
}

Result<ManifestMount> Reader::mount(const toml::table& table) {
    ManifestMount mount;
    bool has_type = false;
    for (auto&& [key, node] : table) {
        const std::string name{key.str()};
        const Place place{file_, key.source(), "fs.mounts." + name};
        if (name == "type") {
            mount.type = TRY(to_mount_type(node, place));
            has_type = true;
        } else if (name == "path") {
            mount.path = TRY(to_enclave_path(node, place));
        } else if (name == "uri") {
            mount.uri = TRY(to_host_path(node, place));
        } else {
            TRY(unknown(place, {"fs.mounts.type", "fs.mounts.path", "fs.mounts.uri"}));
        }
    }
    const Place place{file_, table.source(), "fs.mounts"};
    if (!has_type) {
        return place.error("the mount has no type",
                           "add type = \"trusted\", \"tmpfs\" or \"insecure__passthrough\"");
    }
    if (mount.path.empty()) return place.error("the mount has no path", "add path = \"/...\"");
    const bool wants_uri = mount.type != abi::MountType::kTmpfs;
    if (wants_uri && mount.uri.empty()) return place.error("the mount has no uri", "add uri = \"file:...\"");
    if (!wants_uri && !mount.uri.empty()) return place.error("a tmpfs has no uri", "remove the uri");
    return mount;
}

Result<void> Reader::finish() {
    if (!manifest_.group_members.empty()) {
        if (manifest_.entrypoint.empty() && manifest_.mounts.empty() && manifest_.argv.empty()) return {};
        return Place{file_, members_place_, "group.members"}.error(
            "a group's manifest says nothing but its members", "put the rest into the members' manifests");
    }
    if (manifest_.entrypoint.empty()) {
        return fail(fmt::format("{}: no entrypoint", file_), "add entrypoint = \"file:PROGRAM\"");
    }
    if (manifest_.host_arguments && !manifest_.argv.empty()) {
        return Place{file_, argv_place_, "argv"}.error("both argv and insecure__use_host_argv are given",
                                                       "remove one of them");
    }
    std::sort(manifest_.environment.begin(), manifest_.environment.end());
    std::sort(manifest_.environment_from_host.begin(), manifest_.environment_from_host.end());
    return {};
}

base::Failure<Error> syntax_error(const toml::parse_result& parsed, const std::string& name) {
    return Place{name, parsed.error().source(), ""}.error(std::string{parsed.error().description()},
                                                          "correct the TOML");
}

}  // namespace

Result<Manifest> parse_manifest(std::string_view text, const std::string& name) {
    if (text.size() > kLongestManifest)
        return fail(fmt::format("{}: is too long for a manifest", name), "shorten it");
    const std::string shape = ascii_shape(text);
    if (const auto parsed = toml::parse(shape, std::string_view{name}); !parsed)
        return syntax_error(parsed, name);
    if (const auto stray = find_stray_character(text)) {
        return fail(fmt::format("{}:{}:{}: a character beyond ASCII outside quotes", name, stray->line,
                                stray->column),
                    "put it into quotes");
    }
    const toml::parse_result parsed = toml::parse(text, std::string_view{name});
    if (!parsed) return syntax_error(parsed, name);
    Manifest manifest;
    Reader reader{name, manifest};
    TRY(reader.read(parsed.table(), ""));
    TRY(reader.finish());
    return manifest;
}

}  // namespace enclavisor::host
