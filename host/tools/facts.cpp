#include "host/tools/facts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "host/lib/text.hpp"

namespace enclavisor::host {
namespace {

// One line, whatever is in it.
std::string quoted(const std::string& text) {
    return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

const char* type_name(abi::MountType type) {
    switch (type) {
        case abi::MountType::kTrusted:
            return "trusted";
        case abi::MountType::kTmpfs:
            return "tmpfs";
        case abi::MountType::kPassthrough:
            return "insecure__passthrough";
    }
    return "unknown";
}

class Collector {
public:
    explicit Collector(std::vector<Fact>& facts, std::string prefix)
        : facts_{facts}, prefix_{std::move(prefix)} {}

    void add(const char* section, std::string name, std::string value) {
        facts_.push_back({prefix_ + section, std::move(name), std::move(value)});
    }
    void file(const char* section, const FileHash& file) {
        add(section, "",
            fmt::format("{}{}sha256 {}", file.path, file.path.empty() ? "" : ", ", to_hex(file.sha256)));
    }
    void describe(const Description& description);

private:
    std::vector<Fact>& facts_;
    std::string prefix_;
};

void Collector::describe(const Description& description) {
    const Configuration& configuration = description.configuration;
    const abi::ConfigOptions& options = configuration.options;
    const auto has = [&](std::uint64_t flag) { return (options.flags & flag) != 0; };
    add("measurement", "", to_hex(description.measurement));
    file("program", description.program);
    if (!description.interpreter.path.empty()) file("interpreter", description.interpreter);
    file("runtime", description.runtime);
    add("executable", "", configuration.executable);
    add("memory", "limit", format_size(options.memory_limit));
    add("memory", "stack", format_size(options.stack_size));
    add("threads", "", fmt::format("{} wait for the host at once", options.threads));
    add("identity", "",
        has(abi::kHostIdentity) ? "the host's, and its working directory"
                                : fmt::format("user {}, group {}", options.uid, options.gid));
    if (has(abi::kFreezeAtInput)) add("freeze", "", "at the first read of its input");
    if (has(abi::kHostExecutes)) add("exec", "", "any program, when the host asks");
    for (const MayExecute& allowed : configuration.may_execute) {
        std::string words;
        for (std::size_t i = 1; i < allowed.words.size(); i++) words += " " + quoted(allowed.words[i]);
        add("exec", allowed.words[0],
            !allowed.is_fixed ? "with any arguments"
            : words.empty()   ? "without arguments"
                              : "with" + words);
    }
    if (has(abi::kHostArguments)) add("argument", "", "all from the host");
    for (std::size_t i = 0; i < configuration.arguments.size(); i++)
        add("argument", std::to_string(i), quoted(configuration.arguments[i]));
    if (has(abi::kHostEnvironment)) add("environment", "", "all from the host");
    for (const std::string& variable : configuration.environment) {
        const std::size_t equals = std::min(variable.find('='), variable.size());
        add("environment", variable.substr(0, equals),
            quoted(variable.substr(std::min(equals + 1, variable.size()))));
    }
    for (const std::string& name : configuration.environment_from_host)
        add("environment", name + " of the host", "unchecked");
    for (const Mount& mount : configuration.mounts) {
        add("mount", mount.path,
            fmt::format("{}{}{}", type_name(mount.type), mount.uri.empty() ? "" : " ", mount.uri));
    }
    for (const TrustedFile& trusted : configuration.trusted_files) {
        add("trusted file", trusted.path,
            fmt::format("{} {:03o} {} bytes", to_hex(trusted.root), trusted.mode, trusted.size));
    }
    for (const TrustedLink& link : configuration.trusted_links)
        add("trusted link", link.path, "to " + link.target);
}

std::string title(const Fact& fact) {
    return fact.name.empty() ? fact.section : fact.section + " " + fact.name;
}

}  // namespace

std::vector<Fact> facts_of(const Package& package) {
    std::vector<Fact> facts;
    if (package.is_group) facts.push_back({"group's measurement", "", to_hex(package.measurement)});
    for (std::size_t i = 0; i < package.enclaves.size(); i++) {
        const std::string prefix = package.is_group ? fmt::format("member {} ", i + 1) : "";
        Collector{facts, prefix}.describe(package.enclaves[i]);
    }
    return facts;
}

std::string table_of(const Package& package) {
    const std::vector<Fact> facts = facts_of(package);
    std::size_t sections = 0;
    for (const Fact& fact : facts) sections = std::max(sections, fact.section.size());
    std::string text, last;
    for (const Fact& fact : facts) {
        text += fmt::format("{:{}}  {}{}{}\n", fact.section == last ? "" : fact.section, sections, fact.name,
                            fact.name.empty() ? "" : "  ", fact.value);
        last = fact.section;
    }
    return text;
}

std::vector<Difference> differences(const Package& before, const Package& after) {
    const std::vector<Fact> old_facts = facts_of(before), new_facts = facts_of(after);
    std::map<std::string, std::string> old_values, new_values;
    for (const Fact& fact : old_facts) old_values.emplace(title(fact), fact.value);
    for (const Fact& fact : new_facts) new_values.emplace(title(fact), fact.value);
    std::vector<Difference> found;
    for (const Fact& fact : old_facts) {
        const auto now = new_values.find(title(fact));
        if (now == new_values.end()) {
            found.push_back({title(fact), fact.value, std::nullopt});
        } else if (now->second != fact.value) {
            found.push_back({title(fact), fact.value, now->second});
        }
    }
    for (const Fact& fact : new_facts) {
        if (old_values.count(title(fact)) == 0) found.push_back({title(fact), std::nullopt, fact.value});
    }
    return found;
}

std::string text_of(const std::vector<Difference>& differences) {
    std::string text;
    for (const Difference& difference : differences) {
        const bool changed = difference.before && difference.after;
        text += fmt::format("{} {}: {}{}{}\n",
                            changed             ? '~'
                            : difference.before ? '-'
                                                : '+',
                            difference.what, difference.before.value_or(""), changed ? " -> " : "",
                            difference.after.value_or(""));
    }
    return text;
}

nlohmann::json json_of(const std::vector<Difference>& differences) {
    nlohmann::json list = nlohmann::json::array();
    for (const Difference& difference : differences) {
        nlohmann::json entry{{"what", difference.what}};
        if (difference.before) entry["before"] = *difference.before;
        if (difference.after) entry["after"] = *difference.after;
        list.push_back(entry);
    }
    return {{"same", differences.empty()}, {"differences", list}};
}

}  // namespace enclavisor::host
