// The cryptography between a guest owner and the firmware (SEV API: 2.2, 6.2, 6.5, 6.6).
#pragma once

#include "sim/crypto.hpp"
#include "sim/status.hpp"

namespace enclavisor::sim {

struct SevSession {
    Block<16> nonce;
    Block<32> wrapped_keys;
    Block<16> wrap_iv;
    Block<32> wrap_mac, policy_mac;
};
static_assert(sizeof(SevSession) == 0x80);

// Transport encryption and integrity keys: all zero without an owner.
struct TransportKeys {
    Block<16> encryption{}, integrity{};
};

// Precondition: `shared` is the x coordinate that both agreed on.
Result<TransportKeys> open_session(const SevSession& session, const Block<48>& shared, std::uint32_t policy);

struct Measured {
    Block<32> digest;
    Block<16> nonce;
    std::uint32_t policy;
    std::uint8_t api_major, api_minor, build;
};
Block<32> measure_launch(const TransportKeys& keys, const Measured& measured);

struct SecretHeader {
    std::uint32_t flags;
    Block<16> iv;
    Block<32> mac;
};
static_assert(sizeof(SecretHeader) == 52);

// The secret, if whoever sealed it knew the keys and the measurement.
Result<Bytes> open_secret(const TransportKeys& keys, const SecretHeader& header, const Block<32>& measurement,
                          BytesView sealed);

}  // namespace enclavisor::sim
