#include "host/lib/ensemble.hpp"

namespace enclavisor::host {
namespace {

Result<void> add(Ensemble& ensemble, Machine& machine, const Application& application, StartParameters start,
                 const ProxyOptions& proxy) {
    auto enclave = TRY(Enclave::build(machine, application.image));
    TRY(enclave.attach_proxy(proxy));
    if (start.pid == kPidOfProxy) start.pid = enclave.proxy()->pid();
    TRY(enclave.hand_over(start));
    ensemble.enclaves.push_back(std::move(enclave));
    ensemble.names.push_back(application.name);
    return {};
}

}  // namespace

Result<Ensemble> build_ensemble(Machine& machine, const Application& application,
                                const StartParameters& start, const ProxyOptions& proxy) {
    Ensemble ensemble;
    if (application.members.empty()) {
        TRY(add(ensemble, machine, application, start, proxy));
        ensemble.measurement = ensemble.enclaves[0].measurement();
        return ensemble;
    }
    for (const Application& member : application.members) {
        StartParameters own = start;
        own.arguments = {member.name};
        TRY(add(ensemble, machine, member, own, proxy));
    }
    ensemble.measurement = TRY(Enclave::seal_group(machine, ensemble.enclaves));
    return ensemble;
}

Result<Enclave> fork_instance(Enclave& origin, const StartParameters& start, unsigned number,
                              unsigned count) {
    StartParameters own = start;
    if (count > 1) own.arguments.push_back(std::to_string(number));
    return origin.fork(own);
}

}  // namespace enclavisor::host
