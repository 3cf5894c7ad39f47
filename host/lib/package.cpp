#include "host/lib/package.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "abi/host/control.hpp"
#include "abi/platform/layout.hpp"
#include "host/lib/trusted_files.hpp"

namespace enclavisor::host {
namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kVersion = 1;
constexpr const char* kVersionKey = "enclavisor_package";

// The manifest's words, in the order of abi::MountType from 1.
constexpr std::array<std::string_view, 3> kMountTypes{"trusted", "tmpfs", "insecure__passthrough"};

struct Flag {
    const char* name;
    std::uint64_t bit;
};
constexpr Flag kFlags[] = {{"host_arguments", abi::kHostArguments},
                           {"host_environment", abi::kHostEnvironment},
                           {"host_identity", abi::kHostIdentity},
                           {"freeze_at_input", abi::kFreezeAtInput},
                           {"host_executes", abi::kHostExecutes}};

struct Number {
    const char* name;
    std::uint64_t abi::ConfigOptions::*field;
};
constexpr Number kNumbers[] = {{"stack_size", &abi::ConfigOptions::stack_size},
                               {"memory_limit", &abi::ConfigOptions::memory_limit},
                               {"threads", &abi::ConfigOptions::threads},
                               {"uid", &abi::ConfigOptions::uid},
                               {"gid", &abi::ConfigOptions::gid}};

// --- Writing -------------------------------------------------------------------

Json to_json(const FileHash& file) {
    Json json{{"size", file.size}, {"sha256", to_hex(file.sha256)}};
    if (!file.path.empty()) json["path"] = file.path;
    return json;
}

Json to_json(const TrustedFile& file, bool chunks) {
    Json json{{"path", file.path},
              {"source", file.source},
              {"size", file.size},
              {"mode", file.mode},
              {"root", to_hex(file.root)}};
    if (chunks) json["chunks"] = to_hex(std::as_bytes(std::span{file.chunks}));
    return json;
}

Json to_json(const Description& description, bool chunks) {
    const Configuration& configuration = description.configuration;
    Json options, mounts = Json::array(), files = Json::array(), links = Json::array(),
                  executed = Json::array();
    for (const Flag& flag : kFlags) options[flag.name] = (configuration.options.flags & flag.bit) != 0;
    for (const Number& number : kNumbers) options[number.name] = configuration.options.*number.field;
    for (const Mount& mount : configuration.mounts) {
        mounts.push_back({{"type", kMountTypes.at(static_cast<std::size_t>(mount.type) - 1)},
                          {"path", mount.path},
                          {"uri", mount.uri}});
    }
    for (const TrustedFile& file : configuration.trusted_files) files.push_back(to_json(file, chunks));
    for (const TrustedLink& link : configuration.trusted_links)
        links.push_back({{"path", link.path}, {"target", link.target}});
    for (const MayExecute& allowed : configuration.may_execute)
        executed.push_back({{"fixed", allowed.is_fixed}, {"words", allowed.words}});
    Json json{{"measurement", to_hex(description.measurement)},
              {"program", to_json(description.program)},
              {"runtime", to_json(description.runtime)},
              {"executable", configuration.executable},
              {"arguments", configuration.arguments},
              {"environment", configuration.environment},
              {"environment_from_host", configuration.environment_from_host},
              {"options", options},
              {"mounts", mounts},
              {"trusted_files", files},
              {"trusted_links", links},
              {"may_execute", executed}};
    if (!description.interpreter.path.empty()) json["interpreter"] = to_json(description.interpreter);
    return json;
}

// --- Reading -------------------------------------------------------------------
// What is missing or has another type is nlohmann's exception, what is wrong is ours.

struct Wrong {
    std::string what;
};

template <std::size_t N>
void read_hex(const std::string& text, std::array<std::byte, N>& bytes) {
    const auto digit = [](char c) {
        if (c >= '0' && c <= '9') return c - '0';
        if (c >= 'a' && c <= 'f') return c - 'a' + 10;
        throw Wrong{"a hash has other characters than hexadecimal digits"};
    };
    if (text.size() != 2 * N) throw Wrong{"a hash has the wrong length"};
    for (std::size_t i = 0; i < N; i++)
        bytes[i] = static_cast<std::byte>(digit(text[2 * i]) << 4 | digit(text[2 * i + 1]));
}

std::string text_of(const Json& json) {
    auto text = json.get<std::string>();
    if (text.find('\0') != std::string::npos) throw Wrong{"a text contains a zero byte"};
    return text;
}

std::vector<std::string> texts_of(const Json& json) {
    std::vector<std::string> texts;
    for (const Json& text : json.get_ref<const Json::array_t&>()) texts.push_back(text_of(text));
    return texts;
}

std::uint64_t number_of(const Json& json) {
    if (!json.is_number_unsigned()) throw Wrong{"a number is negative or none"};
    return json.get<std::uint64_t>();
}

FileHash file_from(const Json& json) {
    FileHash file;
    if (json.contains("path")) file.path = text_of(json.at("path"));
    file.size = number_of(json.at("size"));
    read_hex(json.at("sha256").get<std::string>(), file.sha256);
    return file;
}

TrustedFile trusted_from(const Json& json) {
    TrustedFile file{};
    file.path = text_of(json.at("path"));
    file.source = text_of(json.at("source"));
    file.size = number_of(json.at("size"));
    file.mode = static_cast<std::uint32_t>(number_of(json.at("mode")) & 0555u);
    read_hex(json.at("root").get<std::string>(), file.root);
    const auto& chunks = json.at("chunks").get_ref<const std::string&>();
    if (chunks.size() % 64 != 0 || chunks.size() / 64 != abi::trusted_chunks(file.size))
        throw Wrong{file.path + " has another number of chunks than its size asks for"};
    for (std::size_t i = 0; i < chunks.size(); i += 64)
        read_hex(chunks.substr(i, 64), file.chunks.emplace_back());
    if (root_of(file) != file.root) throw Wrong{file.path + " has a root that its chunks do not give"};
    return file;
}

Mount mount_from(const Json& json) {
    const auto type = json.at("type").get<std::string>();
    const auto found = std::find(kMountTypes.begin(), kMountTypes.end(), type);
    if (found == kMountTypes.end()) throw Wrong{"there is no mount type '" + type + "'"};
    const auto number = static_cast<std::uint32_t>(found - kMountTypes.begin() + 1);
    return {static_cast<abi::MountType>(number), text_of(json.at("path")), text_of(json.at("uri"))};
}

Description description_from(const Json& json) {
    Description description;
    Configuration& configuration = description.configuration;
    read_hex(json.at("measurement").get<std::string>(), description.measurement);
    description.program = file_from(json.at("program"));
    description.runtime = file_from(json.at("runtime"));
    if (json.contains("interpreter")) description.interpreter = file_from(json.at("interpreter"));
    configuration.executable = text_of(json.at("executable"));
    configuration.arguments = texts_of(json.at("arguments"));
    configuration.environment = texts_of(json.at("environment"));
    configuration.environment_from_host = texts_of(json.at("environment_from_host"));
    const Json& options = json.at("options");
    for (const Flag& flag : kFlags) {
        if (options.at(flag.name).get<bool>()) configuration.options.flags |= flag.bit;
    }
    for (const Number& number : kNumbers)
        configuration.options.*number.field = number_of(options.at(number.name));
    for (const Json& mount : json.at("mounts")) configuration.mounts.push_back(mount_from(mount));
    for (const Json& file : json.at("trusted_files"))
        configuration.trusted_files.push_back(trusted_from(file));
    for (const Json& link : json.at("trusted_links"))
        configuration.trusted_links.push_back({text_of(link.at("path")), text_of(link.at("target"))});
    for (const Json& allowed : json.at("may_execute")) {
        configuration.may_execute.push_back({allowed.at("fixed").get<bool>(), texts_of(allowed.at("words"))});
        if (configuration.may_execute.back().words.empty()) throw Wrong{"a program has no name"};
    }
    return description;
}

Package package_from(const Json& json) {
    if (!json.is_object() || !json.contains(kVersionKey)) throw Wrong{"it is no package"};
    if (json.at(kVersionKey) != kVersion) throw Wrong{"it is a package of another version"};
    Package package;
    package.is_group = json.at("group").get<bool>();
    read_hex(json.at("measurement").get<std::string>(), package.measurement);
    for (const Json& enclave : json.at("enclaves")) package.enclaves.push_back(description_from(enclave));
    if (package.enclaves.empty() || package.enclaves.size() > (package.is_group ? abi::kMaxGroupMembers : 1))
        throw Wrong{"it has the wrong number of enclaves"};
    std::vector<Measurement> members;
    for (const Description& enclave : package.enclaves) members.push_back(enclave.measurement);
    if (package.measurement != (package.is_group ? measure_group(members) : members.front()))
        throw Wrong{"its measurement is not that of its enclaves"};
    return package;
}

}  // namespace

Json package_json(const Package& package, bool chunks) {
    Json enclaves = Json::array();
    for (const Description& description : package.enclaves) enclaves.push_back(to_json(description, chunks));
    return {{kVersionKey, kVersion},
            {"group", package.is_group},
            {"measurement", to_hex(package.measurement)},
            {"enclaves", enclaves}};
}

Result<std::string> json_text(const Json& json) {
    try {
        return json.dump(1) + "\n";
    } catch (const Json::exception&) {
        return fail("the name of a file, an argument or a variable is no UTF-8", "rename it");
    }
}

Result<Package> parse_package(std::string_view text, const std::string& name) {
    const auto refuse = [&](const std::string& what) {
        return fail(fmt::format("{}: {}", name, what), "make it with 'enclavisor build'");
    };
    const Json json = Json::parse(text, nullptr, false);
    if (json.is_discarded()) return refuse("it is no package");
    try {
        return package_from(json);
    } catch (const Wrong& wrong) {
        return refuse(wrong.what);
    } catch (const Json::exception& error) {
        return refuse(std::string{"a part is missing or of the wrong kind: "} + error.what());
    }
}

}  // namespace enclavisor::host
