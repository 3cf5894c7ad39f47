#include "host/lib/base64.hpp"

#include <openssl/evp.h>

#include <algorithm>

namespace enclavisor::host {

std::string to_base64(std::span<const std::byte> bytes) {
    std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
    const int size =
        EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                        reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
    text.resize(static_cast<std::size_t>(size));
    return text;
}

std::optional<std::vector<std::byte>> from_base64(std::string_view text) {
    std::string compact{text};
    std::erase_if(compact, [](char c) { return c == '\n' || c == '\r' || c == ' '; });
    // OpenSSL counts padding as zeros, and takes any number of it.
    const std::size_t padding = compact.size() - std::min(compact.find('='), compact.size());
    if (compact.size() % 4 != 0 || padding > 2 ||
        compact.find_first_not_of('=', compact.size() - padding) < compact.size())
        return std::nullopt;
    std::vector<std::byte> bytes(compact.size() / 4 * 3);
    const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                     reinterpret_cast<const unsigned char*>(compact.data()),
                                     static_cast<int>(compact.size()));
    if (size != static_cast<int>(bytes.size())) return std::nullopt;
    bytes.resize(bytes.size() - padding);
    return bytes;
}

}  // namespace enclavisor::host
