// SHA-2, incremental, by OpenSSL.
#pragma once

#include <cstddef>
#include <span>

struct evp_md_ctx_st;

namespace enclavisor::host {

enum class ShaKind { kSha256, kSha384 };

class Sha {
public:
    explicit Sha(ShaKind kind);
    ~Sha();
    Sha(const Sha&) = delete;

    void update(std::span<const std::byte> bytes);
    // `digest` has 32 or 48 bytes. Nothing may follow.
    void finish(std::span<std::byte> digest);

private:
    evp_md_ctx_st* context_;
};

}  // namespace enclavisor::host
