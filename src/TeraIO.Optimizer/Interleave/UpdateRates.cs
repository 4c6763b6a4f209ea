namespace TeraIO.Optimizer.Interleave;

/// <summary>What an interleaved update is made of, as measured while everything that runs at once is running: transfers and a CPU update share the memory's bandwidth.</summary>
/// <param name="CpuUpdate">Parameters per second that the CPU updates.</param>
/// <param name="DeviceUpdate">Parameters per second that the device updates, its copies left out.</param>
/// <param name="HostToDevice">Bytes per second to the device.</param>
/// <param name="DeviceToHost">Bytes per second from the device.</param>
public sealed record UpdateRates(double CpuUpdate, double DeviceUpdate, double HostToDevice, double DeviceToHost);
