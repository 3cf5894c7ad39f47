#include "host/lib/measure.hpp"

#include "host/cli/commands.hpp"
#include "host/lib/application.hpp"

namespace enclavisor::host {

Result<int> measure_command(const std::string& program, const std::string& limit, bool allow_exec) {
    const Application application = TRY(describe_application(program, limit, allow_exec));
    TRY(print(to_hex(measure(application)) + "\n"));
    return 0;
}

}  // namespace enclavisor::host
