// What the user names: a program or a manifest.
#pragma once

#include <string>

#include "host/lib/application.hpp"

namespace enclavisor::host {

// `limit` is the --limit option, possibly empty.
Result<Application> describe_target(const std::string& name, const std::string& limit);

}  // namespace enclavisor::host
