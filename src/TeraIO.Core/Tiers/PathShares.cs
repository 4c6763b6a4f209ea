namespace TeraIO.Core.Tiers;

/// <summary>
/// Divides a stream of stripes over paths in given shares, by error diffusion: each path is owed its share of every byte placed, and the next stripe goes
/// to the one that is owed most. The division is fair over many one-stripe tensors as it is within one tensor of many stripes. Not thread-safe.
/// </summary>
/// <param name="paths">How many.</param>
/// <param name="stripeBytes">The longest stripe.</param>
internal sealed class PathShares(int paths, long stripeBytes)
{
    // A path without room is owed ever more; once it has room it must not get everything for long.
    private const int MostStripesOwed = 4;

    // A rewritten stripe stays where it is until its path has this much too many bytes: moves are rare while the rates are steady.
    private const double StripesTolerated = 1.5;

    private readonly double[] _shares = [.. Enumerable.Repeat(1.0 / paths, paths)];
    private readonly double[] _owed = new double[paths];

    /// <summary>Of path <paramref name="index"/>, 0 to 1.</summary>
    public double this[int index] => _shares[index];

    /// <summary>Sets the shares proportional to <paramref name="weights"/>; equal ones if all are 0.</summary>
    /// <param name="weights">Not negative, finite.</param>
    public void Set(ReadOnlySpan<double> weights)
    {
        double sum = 0;
        foreach (double weight in weights)
            sum += weight;
        for (int i = 0; i < _shares.Length; i++)
        {
            _shares[i] = sum > 0 ? weights[i] / sum : 1.0 / _shares.Length;
            if (_shares[i] == 0)
                _owed[i] = 0;
        }
    }

    /// <summary>What path <paramref name="index"/> would be owed when a stripe of <paramref name="length"/> is placed, in bytes.</summary>
    public double Owed(int index, long length) => _owed[index] + (_shares[index] * length);

    /// <summary>Whether a stripe that lies on path <paramref name="index"/> may be written there again.</summary>
    public bool MayStay(int index, long length)
    {
        if (_shares[index] == 0)
            return false;
        double most = double.NegativeInfinity;
        for (int i = 0; i < _shares.Length; i++)
        {
            if (_shares[i] > 0)
                most = Math.Max(most, Owed(i, length));
        }
        return Owed(index, length) >= most - (StripesTolerated * stripeBytes);
    }

    /// <summary>A stripe of <paramref name="length"/> goes to path <paramref name="index"/>.</summary>
    public void Take(int index, long length)
    {
        double limit = MostStripesOwed * (double)stripeBytes;
        for (int i = 0; i < _shares.Length; i++)
            _owed[i] = Math.Clamp(Owed(i, length) - (i == index ? length : 0), -limit, limit);
    }
}
