import sys as AE,os as L,io as Bv,struct as Bh,time as BI,gc as AV,micropython;from array import array as A4;from binascii import crc32 as _;Z=not hasattr(micropython,'kbd_intr');AV.collect();Y,A_=(bytearray(1040),bytearray(1040))
for A in range(160):globals()[A]=0
for A in range(160):del globals()[A]
AN,Af=(AE.stdin,AE.stdout.write)
if not Z:AN,Af=(AE.stdin.buffer,AE.stdout.buffer.write)
if LOSSY:import select as BF;Ba=BF.poll();Ba.register(AE.stdin,1);Bb=Ba.ipoll
elif Z:
 def Bb(a):yield
if Z:
 BA=Af
 def Af(a):
  a=bytes(a)
  for b in b'\x10\n\r':a=a.replace(bytes((b,)),bytes((16,b^64)))
  BA(a)
if ROOT:L.chdir(ROOT)
D,P=(Bh.pack,Bh.unpack_from);A2=bytes(16);AH='.tinyferry-part';Ag=18446744073709551615;Bi=946684800 if BI.localtime(946684800)[0]>2020 else 0;Aa=A4('I',(0,0));T=A4('I',bytes(128));H,Ay=(1,16)
while Ay>1:
 H=H>>1^(11127430586519243189 if H&1 else 0)
 for A in range(0,32,2*Ay):T[A+Ay]=T[A]^H&4294967295;T[A+Ay+1]=T[A+1]^H>>32
 Ay>>=1
AP='@micropython.viper\ndef AI(h:ptr8,g:int,c:ptr32,f:ptr32):\n a:uint=uint(c[0]);b:uint=uint(c[1]);d=0\n while d<g:\n  a^=uint(h[d]);d+=1\n  for i in range(2):e:uint=(a&uint(15))<<uint(1);a=a>>uint(4)&uint(268435455)|(b&uint(15))<<uint(28);a^=uint(f[int(e)]);b=b>>uint(4)&uint(268435455)^uint(f[int(e)+1])\n c[0]=int(a);c[1]=int(b)\n'
try:exec(AP)
except SyntaxError:uint=int;exec(AP[AP.find('def'):])
AV.collect()
#
U,An=(memoryview(Y),memoryview(A_));AA=bytearray(1);R=As=Ar=Aq=B=AC=At=0;Av=1024
def AJ():Aa[0]=Aa[1]=4294967295
def Ap():return(Aa[0]|Aa[1]<<32)^Ag
def Az(a):
 global R,AC
 while R<a:
  if not LOSSY and(not Z):
   if AN.readinto(U[R:a])!=a-R:raise SystemExit
   R=a
  else:
   for b in Bb(20):
    AN.readinto(AA)
    if Z and AA[0]==16:AN.readinto(AA);AA[0]^=64
    Y[R]=AA[0];R+=1;break
   else:AC=1;return 0
 return 1
def Aj(a):global R;R-=a;U[:R]=U[a:a+R]
def A5(d):
 if Y[0]!=250 or not Az(12):return 0
 b,e,c=P('<HII',Y,2);a=12+(b&2047)
 if b&30720 or not 12<a<1037 or(not Az(a)):return 0
 return a if _(U[12:a],_(U[:8],d))==c else 0
AV.collect()
#
def A7(e=0):
 global As,AC,At;e*=50
 while 1:
  AC=0;j=Az(1)
  if LOSSY and(not j):
   At=0;e-=1
   if not e:return None
   continue
  a=A5(Aq)
  if a:
   if LOSSY:At=As=0
   k,h,d=P('<BHI',Y,1)
   if not h>>15:return(b'',k,d,a)
   Aj(a);continue
  f=bytes(U[:3])if Y[0]in b'CSRDEP'and Az(36)else b''
  if f in(b'SAF',b'SAR',b'RAF',b'RAR',b'CLS',b'DON',b'ERR',b'PIN',b'PON'):
   c,b,d=P('<HHQ',Y,4);g=Aq if c else 0
   if _(U[:32],g)==P('<I',Y,32)[0]:
    if LOSSY:
     l=At
     if c:At=As=0
    i=bytes(U[16:32]);Aj(36)
    if b:
     a=Az(1)and A5(g)
     if not a or a!=b+12:
      if LOSSY:continue
      raise SystemExit
     b=bytes(U[12:a]);Aj(a)
    if not LOSSY or not l or c:return(f,c,d,i,b or b'')
    continue
  if not LOSSY:raise SystemExit
  As=As+1 if Y[0]==3 else 0
  if As>1040:raise SystemExit
  Aj(1);At=not(AC and(not R))
AV.collect()
#
def Ae(f,c,h,g,a=b''):
 d=~Ar&4294967295 if c else 0;b=D('<3sBHHQ16s',f,1,c,len(a),h,g);b+=D('<I',_(b,d))
 if a:e=D('<BBHI',250,c&255,len(a)|32768,0);b+=e+D('<I',_(a,_(e,d)))+a
 Af(b);return b
AV.collect()
#
class E(Exception):pass
A1={1:4,2:3,13:4,17:5,20:6,21:5,28:10,30:4,36:9,39:28};Bj='read-only: eject its drive'
def Bd(a):
 if isinstance(a,E):return(a.args[0],'')
 b=a.args[0]if isinstance(a,OSError)else 0;c=Bj if b==30 else''if b in A1 else repr(a);return(A1.get(b,12),c)
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
def S(c):
 try:a=L.stat(c or L.getcwd())
 except OSError as b:
  if b.args[0]in(2,20):return(0,0,0)
  raise
 return(2 if a[0]&16384 else 1,a[6],a[8])
def AK(b,c):
 a=S(b)
 if a[0]!=c:raise E((3,6,5)[a[0]])
 return a
def AT(c):
 for a in L.listdir(c or L.getcwd())if Z else L.ilistdir(c or L.getcwd()):
  b=d=0
  if not Z:b=(0,2,1,0)[a[1]>>14];d=a[3]if len(a)>3 else-1;a=a[0]
  if a!=AH:
   if not b or(b==1 and d<0):b,d,e=S(c+'/'+a if c else a)
   yield(a,b,d)
def Bg(b):a=L.statvfs(b or L.getcwd());return(a[1]or a[0],)+a[1:5]
def AX(b):
 a=0
 while a>=0:
  a=b.find('/',a+1);d=b if a<0 else b[:a];c=S(d)[0]
  if c==1:raise E(6)
  if not c:L.mkdir(d)
def Be(a):
 try:L.remove(a)
 except OSError:pass
def Bf(b,a):
 try:L.rename(b,a)
 except OSError:
  if S(b)[0]!=1 or S(a)[0]!=1:raise
  L.remove(a);L.rename(b,a)
AV.collect()
#
def AQ(c,a):
 while a:
  b=c.readinto(An[12:12+min(1024,a)])
  if not b:raise E(13)
  AI(An[12:],b,Aa,T);a-=b
def Bn(a):AJ();AI(a,len(a),Aa,T);return Ap()
def Bx(a):a=(a^a>>30)*13787848793156543929&Ag;a=(a^a>>27)*10723151780598845931&Ag;return a^a>>31
def A6(b,c):
 AJ()
 with open(b,'rb')as a:AQ(a,c)
 return Ap()
AV.collect()
#
def A9(d,a,g):
 for c,k,h in AT(d):
  e=d+'/'+c if d else c
  if k==2:
   f=i=0
   for j in A9(e,a,g):f+=1;i+=j
   b=D('<BQQ',2,i&Ag,f)
  else:
   b=D('<B',1|a<<4)
   if a&1:b+=D('<Q',h)
   if a&8:b+=D('<Q',A6(e,h))
  yield Bx(Bn(b+c.encode())^g*11400714819323198485&Ag)
AV.collect()
#
def Bu(b):
 b.sort();a=b'\x00'
 for c in range(0,len(b),63):
  d=b[c:c+63];a+=D('<BB',5,4*len(d))
  for e in d:a+=D('<I',e)
 return a
def Bo(d,i,c):
 a,f,j,r,s=P('<BBBII',c,1);l=AK(d,i)[1]
 if a&128 and i==2:k,m,n,m,p=Bg(d);return(k*p,D('<HBB4xQ',0,128,f,k*n),b'')
 a&=9
 if i==1:b=A6(d,l)if a&8 else 9223372036854775808;return(l,D('<HBB4xQ',0,a,f,b),b'')
 h=e=0;g=[]
 for b in A9(d,a,s):
  if b>>64-j==r:
   h+=1;e+=b
   if J and(not LOSSY)and(len(c)==20)and(h<242):g.append((b<<j&Ag)>>32)
 e&=Ag;q=len(c)==20 and P('<Q',c,12)[0]==e;o=b''if q or not 0<len(g)<241 else Bu(g);return(h,D('<HBB4xQ',0,a,f,e),o)
AV.collect()
#
def Bz(a,g,c):
 f=c[0]
 if f==1 and len(c)in(12,20):return Bo(a,g,c)
 b=S(a)[0]
 if f==2 and a:
  if b:
   AK(a,g)
   if g==2:
    for h in AT(a):raise E(28)
    Be(a+'/'+AH);L.rmdir(a)
   else:L.remove(a)
 elif f==3 and a:
  d=Q+AD(str(c[1:],'utf-8'));e=S(d)[0]
  if not e and(not b):raise E(3)
  if e and d!=a:
   if b==2 or(b and e==2):raise E(5 if b==2 else 6)
   if a.startswith(d+'/'):raise E(8)
   Bf(d,a)
 else:raise E(20)
 return(0,A2,b'')
AV.collect()
#
C=G=I=Am=0;AF=Q='';F=None;Al=0;AB=None;J=X=N=Au=0;Ab=0;Ak,AS=(0,b'')
def Ai(a):
 global C,F;C=0
 if F:
  F.close();F=None
  if not Al and(not(a and I)):Be(AZ(AF))
def AZ(a):b=a.rfind('/')+1;return a[:b]+AH
def Ac(b,a,e,c,d=b''):global Ak,AS;Ak,AS=(a,Ae(b,a,e,c,d))
def Ad(d,a):b,c=Bd(a);Ac(b'ERR',d,0,D('<HHI8x',b,0,0),c.encode()[:200])
def Ah(b,a):return Ae(b'PON',b,a,D('<HH12x',1 if LOSSY else 8,B))
AV.collect()
#
def Bw(a,b):
 if b:AX(a)
 else:
  if S(a)[0]==2:raise E(5)
  if'/'in a:AX(a[:a.rfind('/')])
AV.collect()
#
def Bl(j,e,h,f):
 global C,G,I,Am,AF,F,Al,AB;c=e[-1:]=='/';b=Q+AD(e[:-1]if c else e);Bw(b,c)
 if h>>31:raise E(11)
 G,Am,AF,Al,AB,I=(h,f,b,0,None,0);AJ()
 if not c:
  d=AZ(b);g,a=(d,S(d)[1])
  if not f or a>G:a=0
  elif G and S(b)[:2]==(1,G):g,a,Al=(b,G,1)
  elif a!=G:a&=~1023
  i=Bg(b[:max(b.rfind('/'),0)])
  if not Al and i[0]*i[4]<G-a:raise E(10)
  if a:F=open(g,'rb'if Al else'r+b');AQ(F,a);I=a
  else:F=open(d,'wb')
 C=j
 if I:AB=D('<HHQI',32776 if not LOSSY else 32769,B,Ap(),0)
 A3()
def A3():
 if AB:Ae(b'PON',C,I,AB)
 elif LOSSY:Ah(C,I)
def BH(d,b):
 global I;c=I-d&4294967295;b-=12
 if c<b and I<G:
  a=U[12+c:12+b];F.write(a);AI(a,len(a),Aa,T);I+=len(a)
  if not I&65535:F.flush()
def Bq(b,a,c):
 global N,C,F
 if LOSSY and a==G!=I:Ah(b,I);return
 if not a==G==I:raise E(16)
 if Ap()!=P('<Q',c,8)[0]:
  if Am:N+=1
  Ai(0);Ad(b,E(15));return
 if F:
  F.close()
  if not Al:Bf(AZ(AF),AF)
 C,F=(0,None)
 if LOSSY or not J:Ac(b'DON',b,a,c)
def AU(b,a):
 c=Bd(a)[0]
 if b==C:Ai(c not in(10,11,13,14,15))
 Ad(b,a)
AV.collect()
#
def By(b,e,c,h):
 global B,N,X
 if not J:
  if C:return
  if not N:B=0
  N=0
 elif C:AU(C,E(16))
 if J:X+=1
 try:
  a,f=AY(h)
  if 128 in f:d=a==''or a[-1]=='/';a=a[:-1]if a and d else a;i=Q+AD(a)if a else Q[:-1];Ac(b'DON',b,*Bz(i,2 if d else 1,f[128]));return
  if J and N and(not e)and P('<Q',c)[0]:N-=1
  Bl(b,a,P('<Q',c)[0],e)
 except Exception as g:Ai(1);Ad(b,g)
AV.collect()
#
def Bm(b,d):
 global J,Q,X,N,Au,B,Ab
 if J:raise SystemExit
 if C:return
 B=X=N=0;Au=-1
 try:
  a=AY(d)[0]
  if a:AX(AD(a))
  Q=a+'/'if a else'';J=b
  if LOSSY:Ah(b,0)
 except Exception as c:Ad(b,c);Ab=0 if LOSSY else b
def Bp(b,a,c):
 global J,Q,Au
 if C:AU(C,E(16))
 if a==X and N and(Au in(-1,B)):Au=B;Ah(b,X);return
 J,Q=(0,'')
 if a==X:Ac(b'DON',b,a,c)
 else:Ad(b,E(16))
def Bt(b,c):
 global J,Q,N;a=c[0]|c[1]<<8
 if b==C:
  if a in(14,15)and Am:N+=1
  Ai(a not in(10,11,13,14,15))
 elif b==J:Ai(1);J,Q=(0,'')
 if LOSSY:Ad(b,E(a))
def AW(e):
 global Ar,Aq,B,J,Q,Ab,Ak,Av,N,AR;a,i,f,d,g,b,d,c=P('<IBBHHBBH',e)
 if not a:return
 if a!=Ar:Ai(1);Ar=Aq=a;B=J=Ab=Ak=N=0;Q='';AV.collect()
 Av=min(1024,g)&-(256<<b)
 if Av and b<3 and i and c:AR=min(c,8);h=D('<IBBHHBBHH',a,1,f|LOSSY|2,0,Av,b,0,1 if LOSSY else 8,0);Ae(b'PON',0,0,h)
 else:Ae(b'ERR',0,0,D('<HHI8x',20,0,a))
AV.collect()
#
class AG(Exception):pass
O=Ao=AR=W=M=0;K=0;Ax=[]
def V(j,h):
 global Ao,W
 if LOSSY:d=1;i=0
 while 1:
  f=A7(d if LOSSY else 0)
  if LOSSY and f is None:
   if i>15:raise AG
   i+=1;d=min(4,2*d);Af(h);continue
  b,c,g,a=f[:4]
  if not b:Aj(a)
  elif not c and b==b'PIN':
   if P('<I',a)[0]!=Ar:AW(a);raise AG
   if LOSSY:Af(h)
   else:AW(a)
  elif b in(b'PON',b'DON'):
   e=P('<H',a,2 if b==b'PON'else 0)[0]
   if b==b'PON':W=a[0]|(a[1]&127)<<8
   if O-e&65535<=O-Ao&65535:Ao=e
   if c in j and(b==b'DON'or W):return(b,c,g,a)
  elif b==b'ERR':
   if c==M:
    if AO and(not LOSSY):Ae(b'ERR',M,0,D('<H14x',a[0]|a[1]<<8))
    raise AG
   if c in j:return(b,c,g,a)
   if a[0]in(14,15):Ax.append(c)
def BD():return O-Ao&65535<min(8,W)
def AM(b):
 a=None
 while not BD()and(not(a and(a[0]==b'ERR'or a[3][1]&128))):c=Ae(b'PIN',b,0,D('<H14x',O));a=V((b,M),c)
 return a
def Aw(a,e,d,b,c=b''):global O;O=O+1&65535;return Ae(a,e,d,b,c)
def Bs(d,c,a):global O;A_[:8]=D('<BBHI',250,d&255,a,c&4294967295);b=_(An[12:12+a],_(An[:8],~Ar&4294967295));A_[8:12]=D('<I',b);O=O+1&65535;Af(An[:12+a])
def A8(b,c,a):
 d=Aw(b'ERR',b,c,D('<H14x',a))
 if LOSSY:V((b,),d)
 return a
def Bc(a):return a[3][0]|a[3][1]<<8 if a and a[0]==b'ERR'else 0
AV.collect()
#
def AL(o,n,r,i,q):
 global K;p,f,j=S(o)
 if not i or K:
  K=K%65535+1
  if i and K==M:K=K%65535+1
 c=K
 if p==2:f=0;n+='/'
 j=(j+Bi)*1000000000 if j>0 else-1<<63
 if i:AM(M)
 k=Aw(b'SAF',c,f if q else 0,D('<Qq',f,j),n.encode());b=V((c,),k)if LOSSY else None
 if r or(b and b[0]==b'ERR'):return Bc(b)
 AJ();a=d=0
 with open(o,'rb')if p==1 else Bv.BytesIO()as g:
  while 1:
   if b:
    l,s,h,m=b
    if l==b'ERR':return Bc(b)
    if l==b'DON':return 0
    if m[1]&128:
     if h>d:
      g.seek(d);AQ(g,h-d);a=d=h
      if Ap()!=P('<Q',m,4)[0]:return A8(c,a,14)
      g.seek(a)
    elif LOSSY and h<a:a=h;g.seek(a)
   b=None
   if a<f:
    b=AM(c)
    if b:continue
    e=g.readinto(An[12:12+min(Av,f-a)])
    if not e:return A8(c,a,13)
    if a+e>d:AI(An[12+d-a:],a+e-d,Aa,T);d=a+e
    Bs(c,a,e);a+=e;continue
   b=AM(c)
   if b:continue
   k=Aw(b'DON',c,f,D('<H6xQ',O+1&65535,Ap()))
   if i and(not LOSSY):return 0
   b=V((c,),k)
AV.collect()
#
def A0(b,a,c):
 for d,f,g in AT(b+a[:-1]if a else b[:-1]):
  yield(a+d)
  if f==2 and c!=1:
   for e in A0(b,a+d+'/',c-1):yield e
def BB(e,h,g):
 global K,M,AO;b=e+'/'if e else'';d=0;Ax.clear();f=Aw(b'SAR',M,0,b'\xff'*16,e.encode())
 if LOSSY:V((M,),f)
 AO=1
 for a in A0(b,'',g):
  d+=1
  if AL(b+a,a,h,1,1)in(14,15):Ax.append(K)
 while 1:
  AM(M);f=Aw(b'DON',M,d,D('<H14x',O+1&65535));i=V((M,),f)
  if i[0]==b'DON':return
  c=M
  for a in A0(b,'',g):
   c=c%65535+1
   if c in Ax:d+=1;AL(b+a,a,h,1,0)
  Ax.clear()
AV.collect()
#
def BC(e,d,f,h):
 global M,K,O,Ao,W,AO,Ak;M=K=d;Ak=0;O=Ao=AO=0;W=AR;b=f[0]&1
 try:
  a,i=AY(h);c=i.get(129,A2[:3])
  if c[0]or c[2:]>b'\x03':raise E(20)
  if a:AD(a)
  if e==b'RAR':AK(a,2);BB(a,b,c[1]);return
  AK(a,1);M=0;K=d-1
  if AL(a,a,b,0,1)in(14,15):AL(a,a,b,0,0)
 except AG:pass
 except Exception as g:Ad(d,g)
AV.collect()
#
def Bk(b,a,d,c,e=b''):
 global B,Ab
 if not b:
  if C and a==C&255 and F:BH(d,c)
  Aj(c)
 elif not a:
  if b==b'PIN':AW(c)
 elif not LOSSY and Ab:
  if b==b'PIN':B=c[0]|c[1]<<8;Ah(a,0)
  elif a==Ab and b in(b'DON',b'ERR'):Ab=0
 elif b==b'PON':pass
 elif LOSSY and a==Ak and(a not in(C,J)):Af(AS)
 elif b==b'SAF':
  if a==C:A3()
  else:By(a,d,c,e)
 elif b==b'SAR':
  if a==J:Ah(a,X)
  else:Bm(a,e)
 elif b==b'ERR':Bt(a,c)
 elif b==b'PIN'or b==b'DON':
  if C or J:B=c[0]|c[1]<<8
  if b==b'PIN':
   if C or J:Ah(a,I if a==C else X)
  elif a==C:Bq(a,d,c)
  elif a==J:Bp(a,d,c)
 elif not C and(not J):
  if b==b'CLS':Ad(a,E(19))
  else:BC(b,a,c,e)
AV.collect()
#
def BG():
 while 1:
  a=A7()
  try:Bk(*a)
  except Exception as b:
   if not a[0]:Aj(a[3])
   AU(C or J,b)
def BE():
 c,b=(globals(),BEFORE);a=[lambda:Ai(1),lambda:Br(c,b),AV.collect]
 try:BG()
 except(SystemExit,KeyboardInterrupt):pass
 finally:
  while a:
   try:a[0]();a.pop(0)
   except KeyboardInterrupt:pass
def Br(b,c):
 for a in list(b):
  if a not in c:b.pop(a,0)
AV.collect()
#
if Z:print('tinyferry ready, escaped')
else:micropython.kbd_intr(-1);print('tinyferry ready')
BE()
