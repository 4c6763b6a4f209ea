namespace TeraIO.Core.Storage;

/// <summary>A part of a tensor that lies in one piece on one path.</summary>
internal struct Stripe
{
    public int PathIndex;

    /// <summary>In the path's file, in bytes; a multiple of 4096.</summary>
    public long Offset;

    /// <summary>In bytes, without padding; the extent is the next multiple of 4096.</summary>
    public long Length;

    /// <summary>XXH3-64 of the last write; see <see cref="StripeChecksum"/>.</summary>
    public ulong Checksum;

    /// <summary>The extent did not take a write and could not be replaced: it must not serve another tensor.</summary>
    public bool IsBad;

    /// <summary>
    /// Takes the place of a stripe of the same length. The checksum stays: where the bytes are in host memory too it is still theirs, and others may read it meanwhile.
    /// </summary>
    public void MoveTo(in Stripe place)
    {
        PathIndex = place.PathIndex;
        Offset = place.Offset;
        IsBad = false;
    }
}
