#include "sim/sev_session.hpp"

namespace enclavisor::sim {

Result<TransportKeys> open_session(const SevSession& session, const Block<48>& shared, std::uint32_t policy) {
    const Block<16> master = sev_kdf(shared, "sev-master-secret", session.nonce);
    const Block<16> encryption = sev_kdf(master, "sev-kek", {}), integrity = sev_kdf(master, "sev-kik", {});
    if (!same(hmac_sha256(integrity, {session.wrapped_keys}), session.wrap_mac))
        return refuse(Status::kBadMeasurement);
    const Bytes keys = aes_ctr(encryption, session.wrap_iv, session.wrapped_keys);
    const TransportKeys opened{block_of<16>(BytesView{keys}.first(16)),
                               block_of<16>(BytesView{keys}.last(16))};
    if (!same(hmac_sha256(opened.integrity, {view_of(policy)}), session.policy_mac))
        return refuse(Status::kBadMeasurement);
    return opened;
}

Block<32> measure_launch(const TransportKeys& keys, const Measured& measured) {
    static constexpr std::uint8_t kPurpose = 4;
    return hmac_sha256(keys.integrity,
                       {view_of(kPurpose), view_of(measured.api_major), view_of(measured.api_minor),
                        view_of(measured.build), view_of(measured.policy), measured.digest, measured.nonce});
}

Result<Bytes> open_secret(const TransportKeys& keys, const SecretHeader& header, const Block<32>& measurement,
                          BytesView sealed) {
    static constexpr std::uint8_t kPurpose = 1;
    // In the guest and on its way: the same, as nothing is compressed.
    const auto size = static_cast<std::uint32_t>(sealed.size());
    const Block<32> mac = hmac_sha256(keys.integrity, {view_of(kPurpose), view_of(header.flags), header.iv,
                                                       view_of(size), view_of(size), sealed, measurement});
    if (!same(mac, header.mac)) return refuse(Status::kBadMeasurement);
    return aes_ctr(keys.encryption, header.iv, sealed);
}

}  // namespace enclavisor::sim
