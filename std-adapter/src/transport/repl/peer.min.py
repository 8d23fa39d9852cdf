import sys as AE,os as K,io as Bu,struct as Bf,time as BH,gc as AV,micropython;from array import array as A2;from binascii import crc32 as Aa;_=not hasattr(micropython,'kbd_intr');AV.collect();Y,A_=(bytearray(1040),bytearray(1040))
for A in range(160):globals()[A]=0
for A in range(160):del globals()[A]
AN,Ag=(AE.stdin,AE.stdout.write)
if not _:AN,Ag=(AE.stdin.buffer,AE.stdout.buffer.write)
if LOSSY:import select as BE;A8=BE.poll();A8.register(AE.stdin,1);A9=A8.ipoll
elif _:
 def A9(a):yield
if _:
 Bz=Ag
 def Ag(a):
  a=bytes(a)
  for b in b'\x10\n\r':a=a.replace(bytes((b,)),bytes((16,b^64)))
  Bz(a)
if ROOT:K.chdir(ROOT)
D,Q=(Bf.pack,Bf.unpack_from);A1=bytes(16);AH='.tinyferry-part';Ah=18446744073709551615;Bh=946684800 if BH.localtime(946684800)[0]>2020 else 0;Ab=A2('I',(0,0));Z=A2('I',range(32))
for A in range(16):
 H=A
 for P in range(4):H=H>>1^(11127430586519243189 if H&1 else 0)
 Z[2*A]=H&4294967295;Z[2*A+1]=H>>32
AP='@micropython.viper\ndef AI(h:ptr8,g:int,c:ptr32,f:ptr32):\n a:uint=uint(c[0]);b:uint=uint(c[1]);d=0\n while d<g:\n  a^=uint(h[d]);d+=1\n  for i in range(2):e:uint=(a&uint(15))<<uint(1);a=a>>uint(4)&uint(268435455)|(b&uint(15))<<uint(28);a^=uint(f[int(e)]);b=b>>uint(4)&uint(268435455)^uint(f[int(e)+1])\n c[0]=int(a);c[1]=int(b)\n'
try:exec(AP)
except SyntaxError:uint=int;exec(AP[AP.find('def'):])
AV.collect()
#
U,Ao=(memoryview(Y),memoryview(A_));AA=bytearray(1);S=Au=At=As=B=AC=Av=0;Ax=1024
def AJ():Ab[0]=Ab[1]=4294967295
def Ar():return(Ab[0]|Ab[1]<<32)^Ah
def Az(a):
 global S,AC
 while S<a:
  if not LOSSY and(not _):
   if AN.readinto(U[S:a])!=a-S:raise SystemExit
   S=a
  else:
   for b in A9(20):
    AN.readinto(AA)
    if _ and AA[0]==16:AN.readinto(AA);AA[0]^=64
    Y[S]=AA[0];S+=1;break
   else:AC=1;return 0
 return 1
def Ak(a):global S;S-=a;U[:S]=U[a:a+S]
def A3(d):
 if Y[0]!=250 or not Az(12):return 0
 b,e,c=Q('<HII',Y,2);a=12+(b&2047)
 if b&30720 or not 12<a<1037 or(not Az(a)):return 0
 return a if Aa(U[12:a],Aa(U[:8],d))==c else 0
AV.collect()
#
def A5(e=0):
 global Au,AC,Av;e*=50
 while 1:
  AC=0;j=Az(1)
  if LOSSY and(not j):
   Av=0;e-=1
   if not e:return None
   continue
  a=A3(As)
  if a:
   if LOSSY:Av=Au=0
   k,h,d=Q('<BHI',Y,1)
   if not h>>15:return(b'',k,d,a)
   Ak(a);continue
  f=bytes(U[:3])if Y[0]in b'CSRDEP'and Az(36)else b''
  if f in(b'SAF',b'SAR',b'RAF',b'RAR',b'CLS',b'DON',b'ERR',b'PIN',b'PON'):
   c,b,d=Q('<HHQ',Y,4);g=As if c else 0
   if Aa(U[:32],g)==Q('<I',Y,32)[0]:
    if LOSSY:
     l=Av
     if c:Av=Au=0
    i=bytes(U[16:32]);Ak(36)
    if b:
     a=Az(1)and A3(g)
     if not a or a!=b+12:
      if LOSSY:continue
      raise SystemExit
     b=bytes(U[12:a]);Ak(a)
    if not LOSSY or not l or c:return(f,c,d,i,b or b'')
    continue
  if not LOSSY:raise SystemExit
  Au=Au+1 if Y[0]==3 else 0
  if Au>1040:raise SystemExit
  Ak(1);Av=not(AC and(not S))
AV.collect()
#
def Af(f,c,h,g,a=b''):
 d=~At&4294967295 if c else 0;b=D('<3sBHHQ16s',f,1,c,len(a),h,g);b+=D('<I',Aa(b,d))
 if a:e=D('<BBHI',250,c&255,len(a)|32768,0);b+=e+D('<I',Aa(a,Aa(e,d)))+a
 Ag(b);return b
AV.collect()
#
class E(Exception):pass
A0={1:4,2:3,13:4,17:5,20:6,21:5,28:10,30:4,36:9,39:28};Bi='read-only: eject its drive'
def Bb(a):
 if isinstance(a,E):return(a.args[0],'')
 b=a.args[0]if isinstance(a,OSError)else 0;c=Bi if b==30 else''if b in A0 else repr(a);return(A0.get(b,12),c)
def AY(c):
 d,e,a=c.partition(b'\x00');b={}
 while a:
  if len(a)<2 or len(a)<2+a[1]:raise E(8)
  if a[0]>127:
   if a[0]>129:raise E(20)
   b[a[0]]=a[2:2+a[1]]
  a=a[2+a[1]:]
 try:return(d.decode(),b)
 except UnicodeError:raise E(8)
def AD(a):
 for b in a.split('/'):
  if not 0<len(b.encode())<256 or b in('.','..'):raise E(8)
 if len(a.encode())>960 or b==AH or any((c<' 'or'~'<c<'\xa0'for c in a)):raise E(8)
 return a
def T(c):
 try:a=K.stat(c or K.getcwd())
 except OSError as b:
  if b.args[0]in(2,20):return(0,0,0)
  raise
 return(2 if a[0]&16384 else 1,a[6],a[8])
def AK(b,c):
 a=T(b)
 if a[0]!=c:raise E((3,6,5)[a[0]])
 return a
def AT(c):
 for a in K.listdir(c or K.getcwd())if _ else K.ilistdir(c or K.getcwd()):
  b=d=0
  if not _:b=(0,2,1,0)[a[1]>>14];d=a[3]if len(a)>3 else-1;a=a[0]
  if a!=AH:
   if not b or(b==1 and d<0):b,d,e=T(c+'/'+a if c else a)
   yield(a,b,d)
def Be(b):a=K.statvfs(b or K.getcwd());return(a[1]or a[0],)+a[1:5]
def AX(b):
 a=0
 while a>=0:
  a=b.find('/',a+1);d=b if a<0 else b[:a];c=T(d)[0]
  if c==1:raise E(6)
  if not c:K.mkdir(d)
def Bc(a):
 try:K.remove(a)
 except OSError:pass
def Bd(b,a):
 try:K.rename(b,a)
 except OSError:
  if T(b)[0]!=1 or T(a)[0]!=1:raise
  K.remove(a);K.rename(b,a)
AV.collect()
#
def AQ(c,a):
 while a:
  b=c.readinto(Ao[12:12+min(1024,a)])
  if not b:raise E(13)
  AI(Ao[12:],b,Ab,Z);a-=b
def Bm(a):AJ();AI(a,len(a),Ab,Z);return Ar()
def Bw(a):a=(a^a>>30)*13787848793156543929&Ah;a=(a^a>>27)*10723151780598845931&Ah;return a^a>>31
def A4(b,c):
 AJ()
 with open(b,'rb')as a:AQ(a,c)
 return Ar()
AV.collect()
#
def A7(d,a,g):
 for c,k,h in AT(d):
  e=d+'/'+c if d else c
  if k==2:
   f=i=0
   for j in A7(e,a,g):f+=1;i+=j
   b=D('<BQQ',2,i&Ah,f)
  else:
   b=D('<B',1|a<<4)
   if a&1:b+=D('<Q',h)
   if a&8:b+=D('<Q',A4(e,h))
  yield Bw(Bm(b+c.encode())^g*11400714819323198485&Ah)
AV.collect()
#
def Bt(b):
 b.sort();a=b'\x00'
 for c in range(0,len(b),63):
  d=b[c:c+63];a+=D('<BB',5,4*len(d))
  for e in d:a+=D('<I',e)
 return a
def Bn(d,i,c):
 a,f,j,r,s=Q('<BBBII',c,1);l=AK(d,i)[1]
 if a&128 and i==2:k,m,n,m,p=Be(d);return(k*p,D('<HBB4xQ',0,128,f,k*n),b'')
 a&=9
 if i==1:b=A4(d,l)if a&8 else 9223372036854775808;return(l,D('<HBB4xQ',0,a,f,b),b'')
 h=e=0;g=[]
 for b in A7(d,a,s):
  if b>>64-j==r:
   h+=1;e+=b
   if J and(not LOSSY)and(len(c)==20)and(h<242):g.append((b<<j&Ah)>>32)
 e&=Ah;q=len(c)==20 and Q('<Q',c,12)[0]==e;o=b''if q or not 0<len(g)<241 else Bt(g);return(h,D('<HBB4xQ',0,a,f,e),o)
AV.collect()
#
def By(a,g,c):
 f=c[0]
 if f==1 and len(c)in(12,20):return Bn(a,g,c)
 b=T(a)[0]
 if f==2 and a:
  if b:
   AK(a,g)
   if g==2:
    for h in AT(a):raise E(28)
    Bc(a+'/'+AH);K.rmdir(a)
   else:K.remove(a)
 elif f==3 and a:
  d=R+AD(str(c[1:],'utf-8'));e=T(d)[0]
  if not e and(not b):raise E(3)
  if e and d!=a:
   if b==2 or(b and e==2):raise E(5 if b==2 else 6)
   if a.startswith(d+'/'):raise E(8)
   Bd(d,a)
 else:raise E(20)
 return(0,A1,b'')
AV.collect()
#
C=G=I=An=0;AF=R='';F=None;Am=0;AB=None;J=X=M=Aw=0;Ac=0;Al,AS=(0,b'')
def Aj(a):
 global C,F;C=0
 if F:
  F.close();F=None
  if not Am and(not(a and I)):Bc(AZ(AF))
def AZ(a):b=a.rfind('/')+1;return a[:b]+AH
def Ad(b,a,e,c,d=b''):global Al,AS;Al,AS=(a,Af(b,a,e,c,d))
def Ae(d,a):b,c=Bb(a);Ad(b'ERR',d,0,D('<HHI8x',b,0,0),c.encode()[:200])
def Ai(b,a):return Af(b'PON',b,a,D('<HH12x',1 if LOSSY else 8,B))
AV.collect()
#
def Bv(a,b):
 if b:AX(a)
 else:
  if T(a)[0]==2:raise E(5)
  if'/'in a:AX(a[:a.rfind('/')])
AV.collect()
#
def Bk(j,e,h,f):
 global C,G,I,An,AF,F,Am,AB;c=e[-1:]=='/';b=R+AD(e[:-1]if c else e);Bv(b,c)
 if h>>31:raise E(11)
 G,An,AF,Am,AB,I=(h,f,b,0,None,0);AJ()
 if not c:
  d=AZ(b);g,a=(d,T(d)[1])
  if not f or a>G:a=0
  elif G and T(b)[:2]==(1,G):g,a,Am=(b,G,1)
  elif a!=G:a&=~1023
  i=Be(b[:max(b.rfind('/'),0)])
  if not Am and i[0]*i[4]<G-a:raise E(10)
  if a:F=open(g,'rb'if Am else'r+b');AQ(F,a);I=a
  else:F=open(d,'wb')
 C=j
 if I:AB=D('<HHQI',32776 if not LOSSY else 32769,B,Ar(),0)
 Aq()
def Aq():
 if AB:Af(b'PON',C,I,AB)
 elif LOSSY:Ai(C,I)
def BG(d,b):
 global I;c=I-d&4294967295;b-=12
 if c<b and I<G:
  a=U[12+c:12+b];F.write(a);AI(a,len(a),Ab,Z);I+=len(a)
  if not I&65535:F.flush()
def Bp(b,a,c):
 global M,C,F
 if LOSSY and a==G!=I:Ai(b,I);return
 if not a==G==I:raise E(16)
 if Ar()!=Q('<Q',c,8)[0]:
  if An:M+=1
  Aj(0);Ae(b,E(15));return
 if F:
  F.close()
  if not Am:Bd(AZ(AF),AF)
 C,F=(0,None)
 if LOSSY or not J:Ad(b'DON',b,a,c)
def AU(b,a):
 c=Bb(a)[0]
 if b==C:Aj(c not in(10,11,13,14,15))
 Ae(b,a)
AV.collect()
#
def Bx(b,e,c,h):
 global B,M,X
 if not J:
  if C:return
  if not M:B=0
  M=0
 elif C:AU(C,E(16))
 if J:X+=1
 try:
  a,f=AY(h)
  if 128 in f:d=a==''or a[-1]=='/';a=a[:-1]if a and d else a;i=R+AD(a)if a else R[:-1];Ad(b'DON',b,*By(i,2 if d else 1,f[128]));return
  if J and M and(not e)and Q('<Q',c)[0]:M-=1
  Bk(b,a,Q('<Q',c)[0],e)
 except Exception as g:Aj(1);Ae(b,g)
AV.collect()
#
def Bl(b,d):
 global J,R,X,M,Aw,B,Ac
 if J:raise SystemExit
 if C:return
 B=X=M=0;Aw=-1
 try:
  a=AY(d)[0]
  if a:AX(AD(a))
  R=a+'/'if a else'';J=b
  if LOSSY:Ai(b,0)
 except Exception as c:Ae(b,c);Ac=0 if LOSSY else b
def Bo(b,a,c):
 global J,R,Aw
 if C:AU(C,E(16))
 if a==X and M and(Aw in(-1,B)):Aw=B;Ai(b,X);return
 J,R=(0,'')
 if a==X:Ad(b'DON',b,a,c)
 else:Ae(b,E(16))
def Bs(b,c):
 global J,R,M;a=c[0]|c[1]<<8
 if b==C:
  if a in(14,15)and An:M+=1
  Aj(a not in(10,11,13,14,15))
 elif b==J:Aj(1);J,R=(0,'')
 if LOSSY:Ae(b,E(a))
def AW(e):
 global At,As,B,J,R,Ac,Al,Ax,M,AR;a,i,f,d,g,b,d,c=Q('<IBBHHBBH',e)
 if not a:return
 if a!=At:Aj(1);At=As=a;B=J=Ac=Al=M=0;R='';AV.collect()
 Ax=min(1024,g)&-(256<<b)
 if Ax and b<3 and i and c:AR=min(c,8);h=D('<IBBHHBBHH',a,1,f|LOSSY|2,0,Ax,b,0,1 if LOSSY else 8,0);Af(b'PON',0,0,h)
 else:Af(b'ERR',0,0,D('<HHI8x',20,0,a))
AV.collect()
#
class AG(Exception):pass
N=Ap=AR=W=O=0;L=0
def V(j,h):
 global Ap,W
 if LOSSY:d=1;i=0
 while 1:
  f=A5(d if LOSSY else 0)
  if LOSSY and f is None:
   if i>15:raise AG
   i+=1;d=min(4,2*d);Ag(h);continue
  b,c,g,a=f[:4]
  if not b:Ak(a)
  elif not c and b==b'PIN':
   if Q('<I',a)[0]!=At:AW(a);raise AG
   if LOSSY:Ag(h)
   else:AW(a)
  elif b in(b'PON',b'DON'):
   e=Q('<H',a,2 if b==b'PON'else 0)[0]
   if b==b'PON':W=a[0]|(a[1]&127)<<8
   if N-e&65535<=N-Ap&65535:Ap=e
   if c in j and(b==b'DON'or W):return(b,c,g,a)
  elif b==b'ERR':
   if c==O:
    if AO and(not LOSSY):Af(b'ERR',O,0,D('<H14x',a[0]|a[1]<<8))
    raise AG
   if c in j:return(b,c,g,a)
def BC():return N-Ap&65535<min(8,W)
def AM(b):
 a=None
 while not BC()and(not(a and a[0]==b'ERR')):c=Af(b'PIN',b,0,D('<H14x',N));a=V((b,O),c)
 return a
def Ay(a,e,d,b,c=b''):global N;N=N+1&65535;return Af(a,e,d,b,c)
def Br(d,c,a):global N;A_[:8]=D('<BBHI',250,d&255,a,c&4294967295);b=Aa(Ao[12:12+a],Aa(Ao[:8],~At&4294967295));A_[8:12]=D('<I',b);N=N+1&65535;Ag(Ao[:12+a])
def A6(b,c,a):
 d=Ay(b'ERR',b,c,D('<H14x',a))
 if LOSSY:V((b,),d)
 return a
def Ba(a):return a[3][0]|a[3][1]<<8 if a and a[0]==b'ERR'else 0
AV.collect()
#
def AL(o,n,r,i,q):
 global L;p,f,j=T(o)
 if not i or L:
  L=L%65535+1
  if i and L==O:L=L%65535+1
 c=L
 if p==2:f=0;n+='/'
 j=(j+Bh)*1000000000 if j>0 else-1<<63
 if i:AM(O)
 k=Ay(b'SAF',c,f if q else 0,D('<Qq',f,j),n.encode());b=V((c,),k)if LOSSY else None
 if r or(b and b[0]==b'ERR'):return Ba(b)
 AJ();a=d=0
 with open(o,'rb')if p==1 else Bu.BytesIO()as g:
  while 1:
   if b:
    l,s,h,m=b
    if l==b'ERR':return Ba(b)
    if l==b'DON':return 0
    if m[1]&128:
     if h>d:
      g.seek(d);AQ(g,h-d);a=d=h
      if Ar()!=Q('<Q',m,4)[0]:return A6(c,a,14)
      g.seek(a)
    elif LOSSY and h<a:a=h;g.seek(a)
   b=None
   if a<f:
    b=AM(c)
    if b:continue
    e=g.readinto(Ao[12:12+min(Ax,f-a)])
    if not e:return A6(c,a,13)
    if a+e>d:AI(Ao[12+d-a:],a+e-d,Ab,Z);d=a+e
    Br(c,a,e);a+=e;continue
   b=AM(c)
   if b:continue
   k=Ay(b'DON',c,f,D('<H6xQ',N+1&65535,Ar()))
   if i and(not LOSSY):return 0
   b=V((c,),k)
AV.collect()
#
def Bg(b,a,c):
 for d,f,g in AT(b+a[:-1]if a else b[:-1]):
  yield(a+d)
  if f==2 and c!=1:
   for e in Bg(b,a+d+'/',c-1):yield e
def BA(d,g,h):
 global L,O,AO;f=d+'/'if d else'';c,b=(0,[]);e=Ay(b'SAR',O,0,b'\xff'*16,d.encode())
 if LOSSY:V((O,),e)
 AO=1
 for a in Bg(f,'',h):
  c+=1
  if AL(f+a,a,g,1,1)==14:b.append(a)
 while 1:
  for a in b:c+=1;AL(f+a,a,g,1,0)
  b=[];AM(O);e=Ay(b'DON',O,c,D('<H14x',N+1&65535));i=V((O,),e)
  if i[0]==b'DON':return
AV.collect()
#
def BB(e,d,f,h):
 global O,L,N,Ap,W,AO,Al;O=L=d;Al=0;N=Ap=AO=0;W=AR;b=f[0]&1
 try:
  a,i=AY(h);c=i.get(129,A1[:3])
  if c[0]or c[2:]>b'\x03':raise E(20)
  if a:AD(a)
  if e==b'RAR':AK(a,2);BA(a,b,c[1]);return
  AK(a,1);O=0;L=d-1
  if AL(a,a,b,0,1)==14:AL(a,a,b,0,0)
 except AG:pass
 except Exception as g:Ae(d,g)
AV.collect()
#
def Bj(b,a,d,c,e=b''):
 global B,Ac
 if not b:
  if C and a==C&255 and F:BG(d,c)
  Ak(c)
 elif not a:
  if b==b'PIN':AW(c)
 elif not LOSSY and Ac:
  if b==b'PIN':B=c[0]|c[1]<<8;Ai(a,0)
  elif a==Ac and b in(b'DON',b'ERR'):Ac=0
 elif b==b'PON':pass
 elif LOSSY and a==Al and(a not in(C,J)):Ag(AS)
 elif b==b'SAF':
  if a==C:Aq()
  else:Bx(a,d,c,e)
 elif b==b'SAR':
  if a==J:Ai(a,X)
  else:Bl(a,e)
 elif b==b'ERR':Bs(a,c)
 elif b==b'PIN'or b==b'DON':
  if C or J:B=c[0]|c[1]<<8
  if b==b'PIN':
   if C or J:Ai(a,I if a==C else X)
  elif a==C:Bp(a,d,c)
  elif a==J:Bo(a,d,c)
 elif not C and(not J):
  if b==b'CLS':Ae(a,E(19))
  else:BB(b,a,c,e)
AV.collect()
#
def BF():
 while 1:
  a=A5()
  try:Bj(*a)
  except Exception as b:
   if not a[0]:Ak(a[3])
   AU(C or J,b)
def BD():
 c,b=(globals(),BEFORE);a=[lambda:Aj(1),lambda:Bq(c,b),AV.collect]
 try:BF()
 except(SystemExit,KeyboardInterrupt):pass
 finally:
  while a:
   try:a[0]();a.pop(0)
   except KeyboardInterrupt:pass
def Bq(b,c):
 for a in list(b):
  if a not in c:b.pop(a,0)
AV.collect()
#
if _:print('tinyferry ready, escaped')
else:micropython.kbd_intr(-1);print('tinyferry ready')
BD()
