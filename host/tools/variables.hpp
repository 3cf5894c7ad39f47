// Which variables of an environment a program may ask for.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace enclavisor::host {

// Those whose names stand in its files as whole words: who asks for a variable has its name
// somewhere. Of the C library, which has many names, only those of locale, time zone and
// its interpreter's search count. In the order of their names.
std::vector<std::string> needed_variables(const std::vector<std::string>& environment,
                                          const std::vector<std::string>& files);

// Whether it is called like a secret.
bool is_secret(std::string_view name);

// `name` stands in `text`, not as a part of a longer name.
bool has_word(std::string_view text, std::string_view name);

}  // namespace enclavisor::host
