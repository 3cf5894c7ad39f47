#include "bench/results.hpp"

#include <cmath>
#include <fstream>

#include "bench/linux_arm.hpp"
#include "bench/machine.hpp"
#include "bench/rows.hpp"

namespace enclavisor::bench {
namespace {

Json this_machine() {
    return {{"cpu", host_cpu_model()},
            {"qemu", qemu_version()},
            {"accelerator", kAccelerator},
            {"guest_cpu", kGuestCpu},
            {"vcpus", 1}};
}

Json rounded(double value) {
    // Instructions are whole; what is left of a mean is noise, except in small figures.
    if (value >= 1000) return static_cast<std::int64_t>(std::llround(value));
    return std::round(value * 10) / 10;
}

// {"plain": 101, "sim-sev": null}: null is "not yet", absent is "has no such thing".
// `alone`: what one arm was not measured in, it does not have.
Json column(const std::map<std::string, Figures>& arms, const std::string& name, bool alone) {
    Json values = Json::object();
    if (name.empty()) return values;
    for (const auto& [arm, figures] : arms) {
        const auto found = figures.find(name);
        if (found == figures.end() && alone) continue;
        values[arm] = found == figures.end() ? Json{} : rounded(found->second);
    }
    return values;
}

// The Linux columns of a row, which were recorded under the same group and label.
Json recorded_column(const Json& recorded, const Row& row) {
    if (recorded.is_null()) return Json::object();
    for (const Json& figure : recorded.at("figures")) {
        if (figure.at("group") == row.group && figure.at("label") == row.label) return figure.at("linux");
    }
    return Json::object();
}

}  // namespace

Json to_json(const Results& results, const Json& recorded) {
    const bool measured = !results.linux_version.empty();
    Json json{{"format", 1}, {"machine", this_machine()}};
    if (measured) {
        json["linux_guest"] = {{"measured", "in this run"},
                               {"kernel", results.linux_version},
                               {"machine", this_machine()},
                               {"command_line", LinuxArm::command_line("")},
                               {"tuned_command_line", LinuxArm::command_line(kTuned)}};
    } else if (!recorded.is_null()) {
        json["linux_guest"] = recorded.at("linux_guest");
        json["linux_guest"]["measured"] = "earlier, recorded";
    }
    json["figures"] = Json::array();
    for (const Row& row : rows()) {
        Json figure{{"group", row.group}, {"label", row.label}, {"unit", row.unit}};
        const bool alone = row.group == kServers;
        figure["enclave"] = column(results.enclave, row.enclave, alone);
        figure["linux"] =
            measured ? column(results.linux_guest, row.linux_guest, alone) : recorded_column(recorded, row);
        if (row.aim > 0) figure["aim"] = rounded(row.aim);
        if (row.aim_of_linux > 0) figure["aim_of_linux"] = row.aim_of_linux;
        if (row.least_of_linux > 0) figure["least_of_linux"] = row.least_of_linux;
        if (!row.note.empty()) figure["note"] = row.note;
        if (row.brief) figure["brief"] = true;
        json["figures"].push_back(std::move(figure));
    }
    return json;
}

std::vector<std::string> disagreements(const Results& results) {
    std::map<std::string, double> seen;
    std::vector<std::string> names;
    for (const auto* world : {&results.enclave, &results.linux_guest}) {
        for (const auto& [arm, figures] : *world) {
            for (const auto& [name, value] : figures) {
                if (!name.ends_with(".check") || seen.emplace(name, value).first->second == value) continue;
                names.push_back(name + " (" + arm + ")");
            }
        }
    }
    return names;
}

Json read_json(const std::filesystem::path& path) {
    std::ifstream file{path};
    return file ? Json::parse(file, nullptr, false) : Json{};
}

}  // namespace enclavisor::bench
