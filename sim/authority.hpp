// Who certifies the model's chips: AMD's place in the chain, under a root whose subject says SIMULATION.
#pragma once

#include <map>
#include <set>
#include <string>

#include "sim/chip.hpp"

namespace enclavisor::sim {

// ARK, and what it certifies: the ASK for VCEKs, the ASVK for VLEKs.
enum class Signer : std::uint8_t { kArk, kAsk, kAsvk };

struct SignerState {
    std::string key;    // PEM
    Bytes certificate;  // DER
};

// What a restart keeps. A signer that is missing is made when somebody asks for it.
struct AuthorityState {
    std::map<Signer, SignerState> signers;
    std::set<Signer> revoked;
    std::uint64_t lists = 0;  // CRLs so far
};

class Authority {
public:
    explicit Authority(Product product, AuthorityState state = {})
        : product_{product}, state_{std::move(state)} {}

    const AuthorityState& state() const { return state_; }

    // All DER.
    Bytes certificate(Signer signer);
    Bytes vcek(const Chip& chip, std::uint64_t tcb);
    // Precondition: chip.vlek(tcb).
    Bytes vlek(const Chip& chip, std::uint64_t tcb);
    // From now on the ASK or ASVK stands in every list.
    void revoke(Signer signer) { state_.revoked.insert(signer); }
    Bytes revocation_list();

    // The private key, also for certificates in the forms of SEV.
    RsaKey key(Signer signer);

private:
    const SignerState& have(Signer signer);
    Bytes leaf(const Chip& chip, const EcKey& key, std::uint64_t tcb, bool vlek);

    Product product_;
    AuthorityState state_;
};

}  // namespace enclavisor::sim
