#include "host/lib/measure.hpp"

#include <vector>

#include "host/cli/commands.hpp"
#include "host/lib/application.hpp"

namespace enclavisor::host {

Result<int> measure_command(const std::string& program, const std::string& limit) {
    const Application application = TRY(describe_application(program, limit));
    if (application.members.empty()) {
        TRY(print(to_hex(measure(application.image)) + "\n"));
        return 0;
    }
    std::vector<Measurement> members;
    for (const Application& member : application.members) members.push_back(measure(member.image));
    TRY(print(to_hex(measure_group(members)) + "\n"));
    return 0;
}

}  // namespace enclavisor::host
