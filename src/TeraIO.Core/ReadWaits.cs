namespace TeraIO.Core;

/// <summary>Who waits for the bytes that an op on a CUDA device needs and that are still on their way.</summary>
public enum ReadWaits
{
    /// <summary>The thread that launches the op: a read that fails is known before anything computes with it.</summary>
    OnHost,

    /// <summary>
    /// The device's stream, by a word in memory: the thread launches the op and goes on. A read that fails is known only afterwards; results of the device are held back until all reads before
    /// them were looked at.
    /// </summary>
    InStream,
}
