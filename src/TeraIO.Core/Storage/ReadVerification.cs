namespace TeraIO.Core.Storage;

/// <summary>Who compares what a store reads with the checksum of what was written.</summary>
public enum ReadVerification
{
    /// <summary>Nobody: <see cref="StoreOptions.VerifyReads"/> is off, or there are no checksums of the device's memory (<see cref="StoreStatistics.UnverifiedBecause"/>).</summary>
    None,

    /// <summary>The CPU, for tensors in host memory.</summary>
    Cpu,

    /// <summary>A kernel on the GPU that has the tensors.</summary>
    Gpu,
}
