#include "host/lib/measure.hpp"

#include "host/cli/commands.hpp"
#include "host/cli/target.hpp"

namespace enclavisor::host {

Result<int> measure_command(const std::string& program, const std::string& limit) {
    const Application application = TRY(describe_target(program, limit));
    TRY(print(to_hex(measure(application.image)) + "\n"));
    return 0;
}

}  // namespace enclavisor::host
