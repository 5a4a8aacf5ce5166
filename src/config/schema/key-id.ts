/** A provider's id of a key. A FrameFlow key (`ff_live_…`) pasted in its place is refused before it is shown anywhere. */
export const KEY_ID = /^(?!ff_(?:live|test)_)[A-Za-z0-9_.:-]{1,128}$/;
