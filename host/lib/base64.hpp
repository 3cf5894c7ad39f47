// Base64 as RFC 4648, 4 has it, by OpenSSL.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace enclavisor::host {

std::string to_base64(std::span<const std::byte> bytes);
// Line ends and spaces around it do not matter. Absent: it is something else.
std::optional<std::vector<std::byte>> from_base64(std::string_view text);

}  // namespace enclavisor::host
