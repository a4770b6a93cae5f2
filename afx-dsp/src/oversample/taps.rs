//! Half-band coefficients, designed and printed by `tools/golden/halfband.py`.
//!
//! `STAGE_s` holds the even taps of the linear-phase filter that goes from `2^s` to `2^(s+1)` times the base rate, from the
//! edge to the middle; the other half mirrors them, the centre tap is 1/2 and the other odd taps are 0. `ALLPASS_s` holds
//! the coefficients of the two all-pass branches, alternating. Frequencies are fractions of the stage's output rate.

/// 91 taps, pass band to 0.208333, stop band -122.71 dB, ripple 6.36e-6 dB.
pub(super) const STAGE_0: [f64; 23] = [
    2.31012647572686070e-6,
    -8.27088008127196697e-6,
    2.23268812580014442e-5,
    -5.09839920423201139e-5,
    1.04155126631432236e-4,
    -1.96027241463206836e-4,
    3.46011664888328278e-4,
    -5.79680693058866867e-4,
    9.29676456289657040e-4,
    -1.43663690814702311e-3,
    2.15028656433821283e-3,
    -3.13101787451140583e-3,
    4.45259653324609102e-3,
    -6.20718488349390057e-3,
    8.51497551019380489e-3,
    -1.15430813399036367e-2,
    1.55438674652554829e-2,
    -2.09374625474636131e-2,
    2.85068053772369323e-2,
    -3.99293892440287929e-2,
    5.95866977380045681e-2,
    -1.03610466354359498e-1,
    3.17470856847625438e-1,
];
/// 23 taps, pass band to 0.104167, stop band -125.49 dB, ripple 4.62e-6 dB.
pub(super) const STAGE_1: [f64; 6] = [
    -2.00455022483781944e-4,
    1.77810438695746105e-3,
    -8.30669226280180556e-3,
    2.76434416697438345e-2,
    -7.91268629652015498e-2,
    3.08212198910188695e-1,
];
/// 15 taps, pass band to 0.052083, stop band -136.40 dB, ripple 1.32e-6 dB.
pub(super) const STAGE_2: [f64; 4] = [-1.47391902395172425e-3, 1.31606332270558877e-2, -6.18941539352196451e-2, 3.00207364380971564e-1];
/// 11 taps, pass band to 0.026042, stop band -140.36 dB, ripple 8.34e-7 dB.
pub(super) const STAGE_3: [f64; 3] = [6.05891864768553015e-3, -4.94187595276114749e-2, 2.93359888112104339e-1];
/// 8 coefficients, pass band to 0.208333, stop band -127.89 dB.
pub(super) const ALLPASS_0: [f64; 8] = [
    2.61130097175630398e-2,
    9.99352391759560643e-2,
    2.09791082811053270e-1,
    3.41324470687335624e-1,
    4.82162493245921586e-1,
    6.24974210454096291e-1,
    7.68689960392823113e-1,
    9.18825871448632370e-1,
];
/// 4 coefficients, pass band to 0.104167, stop band -132.49 dB.
pub(super) const ALLPASS_1: [f64; 4] = [3.84030658354993851e-2, 1.57356245545960116e-1, 3.72950323414083795e-1, 7.32084514803011066e-1];
/// 3 coefficients, pass band to 0.052083, stop band -145.63 dB.
pub(super) const ALLPASS_2: [f64; 3] = [5.47000682236409158e-2, 2.39878601536371999e-1, 6.43673941549806394e-1];
/// 2 coefficients, pass band to 0.026042, stop band -132.70 dB.
pub(super) const ALLPASS_3: [f64; 2] = [1.06725608414440648e-1, 5.30058305739658286e-1];
