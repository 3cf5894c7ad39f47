// build, check, inspect, diff: manifests and packages.
#include <algorithm>
#include <filesystem>

#include "host/cli/commands.hpp"
#include "host/lib/application.hpp"
#include "host/lib/file.hpp"
#include "host/lib/package.hpp"
#include "host/tools/check.hpp"
#include "host/tools/facts.hpp"

namespace enclavisor::host {
namespace {

namespace fs = std::filesystem;

// A package is taken at its word: that it is what it was is a run's to find out.
Result<Package> package_for(const std::string& target) {
    if (!is_package(target)) return package_of(TRY(describe_application(target, "")));
    const auto bytes = TRY(read_file(target));
    return parse_package({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, target);
}

}  // namespace

Result<int> build_command(const ToolOptions& options) {
    if (is_package(options.target))
        return fail(options.target + " is a package already", "give the manifest that it was made of");
    const std::string output =
        !options.output.empty() ? options.output : fs::path{options.target}.stem().string() + ".enclave";
    if (!is_package(output)) return fail(output + " is not named like a package", "give -o NAME.enclave");
    const Package package = package_of(TRY(describe_application(options.target, "")));
    const std::string text = TRY(json_text(package_json(package, true)));
    TRY(write_file(output, text));
    TRY(print(to_hex(package.measurement) + "\n"));
    return 0;
}

Result<int> check_command(const ToolOptions& options) {
    if (!is_manifest(options.target))
        return fail(options.target + " is not named like a manifest", "give FILE.toml");
    const std::vector<Finding> findings = TRY(check_manifest(options.target));
    std::string text;
    for (const Finding& finding : findings) text += finding.text() + "\n";
    TRY(print(text));
    if (findings.empty()) return 0;
    const bool errors = std::any_of(findings.begin(), findings.end(), [](const Finding& finding) {
        return finding.weight == Finding::Weight::kError;
    });
    return errors ? 2 : 1;
}

Result<int> inspect_command(const ToolOptions& options) {
    const Package package = TRY(package_for(options.target));
    const std::string text = options.json ? TRY(json_text(package_json(package, false))) : table_of(package);
    TRY(print(text));
    return 0;
}

Result<int> diff_command(const ToolOptions& options) {
    const Package before = TRY(package_for(options.target));
    const Package after = TRY(package_for(options.other));
    const std::vector<Difference> found = differences(before, after);
    const std::string text = options.json ? TRY(json_text(json_of(found))) : text_of(found);
    TRY(print(text));
    return found.empty() ? 0 : 1;
}

}  // namespace enclavisor::host
